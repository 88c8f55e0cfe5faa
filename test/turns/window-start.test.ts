import postgres from 'postgres'
import t, { type Test } from 'tap'
import type { Model, ModelRequest } from '../../src/models/model.js'
import { ModelError } from '../../src/models/model-error.js'
import { type TestAppOptions, testApp } from '../helpers/app.js'
import { localTools } from '../helpers/local-tools.js'
import { appWith, calling, saying, sent } from '../helpers/tool-turns.js'
import { begin, newTurn } from '../helpers/turns.js'

/** Answers, and writes down what it was asked; "fail" fails. */
const recorder = (name: string) => {
  const requests: ModelRequest[] = []
  const model: Model = {
    name,
    async *run(request) {
      requests.push(request)
      if (request.message === 'fail') throw new ModelError('model-failed', 'as asked')
      yield { type: 'text-delta', delta: `re: ${request.message}` }
      yield {
        type: 'finish',
        usage: {
          input_tokens: null,
          output_tokens: null,
          cached_input_tokens: null,
          reasoning_tokens: null,
          total_tokens: null,
        },
      }
    },
  }
  return { model, seen: () => requests.at(-1)?.history.map(({ user }) => user) }
}

/** Turns of one conversation with the model "small", or the one that is named. */
const start = async (t: Test, options: TestAppOptions = {}) => {
  const small = recorder('small')
  const large = recorder('large')
  const app = await testApp(t, { model: small.model, otherModels: [large.model], ...options })
  let conversation_id: string | undefined
  const say = async (message: string, model = 'small', headers: Record<string, string> = {}) => {
    const { body } = await app.call('POST', '/api/alice/chat', {
      body: { conversation_id, message, model },
      headers,
    })
    conversation_id ??= body.conversation_id
    return (model === 'small' ? small : large).seen()
  }
  const talk = async (first: number, last: number): Promise<void> => {
    for (let n = first; n <= last; n += 1) await say(`m${n}`)
  }
  return { ...app, say, talk, id: () => conversation_id ?? '' }
}

const messages = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, n) => `m${first + n}`)

t.test('the window begins where it began in the turn before, until it is full', async (t) => {
  const { talk, say } = await start(t, { limits: { historyMessages: 12 } })
  await talk(1, 6)
  t.same(await say('m7'), messages(1, 6), 'six turns fit')
  t.same(await say('m8'), messages(5, 7), 'the seventh moves it to half of that')
  t.same(await say('m9'), messages(5, 8), 'where it stays')
  t.same(await say('m10'), messages(5, 9), 'and grows')
})

t.test('a turn that failed, was interrupted or is tried again does not lose the start', async (t) => {
  const { talk, say, db, id, superuserUrl } = await start(t, { limits: { historyMessages: 12 } })
  await talk(1, 8)
  t.same(await say('fail', 'small', { 'idempotency-key': 'k' }), messages(5, 8), 'a turn that fails')
  t.same(await say('fail', 'small', { 'idempotency-key': 'k' }), messages(5, 8), 'the next attempt of it')
  await begin(db, newTurn({ conversationId: id(), message: 'lost', leaseMs: 0 }))
  t.same(await say('m9'), messages(5, 8), 'the turn after one whose instance died')
  t.same(await say('m10'), messages(5, 9), 'and the next')

  const sql = postgres(superuserUrl, { max: 1 })
  t.teardown(() => sql.end())
  const starts =
    await sql`select window_starts from colloquy.turns where window_starts is not null order by position`
  t.same(
    starts.map(({ window_starts }) => window_starts),
    Array(5).fill({ '16000': 9 }),
    'it is stored with each turn from the move on',
  )
})

t.test('a failed turn that has moved the window leaves it there', async (t) => {
  const { talk, say } = await start(t, { limits: { historyMessages: 12 } })
  await talk(1, 7)
  t.same(await say('fail'), messages(5, 7), 'the move')
  t.same(await say('m8'), messages(5, 7), 'the next turn')
})

t.test('a model with a small window takes no history away from one with a large one', async (t) => {
  const modelHistoryTokens = { small: 20 }
  const { talk, say } = await start(t, { limits: { modelHistoryTokens } })
  await talk(1, 9)
  const few = await say('m10')
  t.ok(few && few.length > 0 && few.length < 6, 'the small window has few turns')
  t.same(await say('m11', 'large'), messages(1, 10), 'the large one has all')
  const next = await say('m12')
  t.ok(next?.at(-1) === 'm11' && next.length < 6, 'the small one has its own start')
  t.same(await say('m13', 'large'), messages(1, 12), 'and the large one keeps its own')
})

t.test('call ids that come again are told apart, always in the same way', async (t) => {
  const tools = localTools({ read: { readOnly: true, work: () => 7 } })
  const app = await appWith(t, tools)
  let conversation_id: string | undefined
  for (const message of ['one', 'two', 'three']) {
    app.provider.answer(calling(['call_0', 'read', '{}']), saying('Seven.'))
    const answer = await app.chat(message, conversation_id === undefined ? {} : { conversation_id })
    conversation_id = answer.conversation_id
    t.equal(answer.tool_calls[0].id, 'call_0', 'an answer has the id as it is')
  }
  const idsOf = (n: number) =>
    sent(app, n).flatMap(({ tool_calls = [] }: { tool_calls?: { id: string }[] }) =>
      tool_calls.map(({ id }) => id),
    )
  t.same(idsOf(-1), ['call_0', 'call_0_2', 'call_0_3'], 'each has its own')
  for (const n of [1, 2, 3, 4, 5]) {
    const before = sent(app, n - 1)
    t.same(sent(app, n).slice(0, before.length), before, `request ${n} begins with the one before`)
  }
})
