import postgres from 'postgres'
import t from 'tap'
import { connect } from '../../src/db/connect.js'
import { DatabaseUnavailable } from '../../src/db/errors.js'
import type { Model, ModelRequest } from '../../src/models/model.js'
import { type Json, testApp, tokenOf } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { begin, newTurn } from '../helpers/turns.js'
import { until } from '../helpers/wait.js'

const usage = {
  input_tokens: 3,
  output_tokens: 4,
  cached_input_tokens: 1,
  reasoning_tokens: 0,
  total_tokens: 7,
}

/** Answers with what it was asked, and remembers it. */
const recorder = () => {
  const requests: ModelRequest[] = []
  const model: Model = {
    name: 'recorder',
    async *run(request) {
      requests.push(request)
      if (request.message === 'fail') throw new Error('as asked')
      yield { type: 'text-delta', delta: `re: ${request.message}` }
      yield { type: 'finish', usage }
    },
  }
  return { model, requests }
}

const superuser = (t: Parameters<typeof testApp>[0], url: string) => {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  return sql
}

t.test('a model gets the system prompt and the completed turns, whole and oldest first', async (t) => {
  const { model, requests } = recorder()
  const { chat, call } = await testApp(t, { model, systemPrompt: 'Be brief.' })
  const { conversation_id } = await chat('one')
  await chat('two', { conversation_id })
  await call('POST', '/api/alice/chat', { body: { conversation_id, message: 'fail' } })
  await chat('three', { conversation_id })
  const history = [
    { user: 'one', assistant: 're: one' },
    { user: 'two', assistant: 're: two' },
  ]
  const request = { system: 'Be brief.', message: 'three', history }
  t.match(requests.at(-1), request, 'the prompt and the completed turns are sent')
  t.equal(requests.at(-1)?.history.length, 2, 'the failed turn is not sent to a model')
})

t.test('the history is a window of the newest turns, by messages and by tokens', async (t) => {
  const { model, requests } = recorder()
  const limits = { turnTimeoutMs: 5_000, historyMessages: 6, historyTokens: 1_000 }
  const { chat } = await testApp(t, { model, limits })
  const seen = () => requests.at(-1)?.history.map(({ user }) => user.slice(0, 3))
  const { conversation_id } = await chat('m0')
  for (let i = 1; i <= 5; i += 1) await chat(`m${i}`, { conversation_id })
  t.same(seen(), ['m2', 'm3', 'm4'], 'six messages are three turns')

  await chat(`big${'x'.repeat(1_500)}`, { conversation_id })
  await chat('m7', { conversation_id })
  t.same(seen(), [], 'a turn that is too large hides those before it, and is not cut')
  await chat('m8', { conversation_id })
  t.same(seen(), ['m7'], 'only the turns after it are sent')
})

t.test('a window of no messages is no history', async (t) => {
  const { model, requests } = recorder()
  const limits = { turnTimeoutMs: 5_000, historyMessages: 0, historyTokens: 0 }
  const { chat } = await testApp(t, { model, limits })
  const { conversation_id } = await chat('one')
  await chat('two', { conversation_id })
  t.same(requests.at(-1)?.history, [], 'no earlier turn is sent')
})

t.test(
  'the read of the history does not grow with the conversation, nor with a run of failures',
  async (t) => {
    const { model, requests } = recorder()
    const limits = { turnTimeoutMs: 5_000, historyMessages: 4, historyTokens: 1_000 }
    const { chat, call, superuserUrl } = await testApp(t, { model, limits })
    const { conversation_id } = await chat('old')
    const fail = () => call('POST', '/api/alice/chat', { body: { conversation_id, message: 'fail' } })
    for (let i = 0; i < 10; i += 1) await fail()
    await chat('after', { conversation_id })
    t.same(requests.at(-1)?.history, [], 'sixteen positions back is far enough')
    const sql = superuser(t, superuserUrl)
    const [{ count }] = (await sql`select count(*)::int from colloquy.messages`) as unknown as [
      { count: number },
    ]
    t.equal(count, 24, 'failed turns are stored all the same')
  },
)

t.test('a turn whose instance died: interrupted after its lease, and the conversation goes on', async (t) => {
  const { model, requests } = recorder()
  const { chat, call, db } = await testApp(t, { model })
  const { conversation_id, turn_id } = await chat('before')
  const lost = newTurn({ conversationId: conversation_id, message: 'lost', leaseMs: 0 })
  await begin(db, lost)
  const dead = lost.turnId

  const turn = async (id: string): Promise<Json> => (await call('GET', `/api/alice/turns/${id}`)).body
  const conversation = `/api/alice/conversations/${conversation_id}`
  const interrupted = { status: 'interrupted', error: { code: 'turn-interrupted' } }
  t.match(await turn(dead), { ...interrupted, finished_at: String }, 'the dead turn is interrupted')
  t.equal((await call('GET', conversation)).body.running_turn_id, null, 'the conversation is free')

  await chat('after', { conversation_id })
  t.match(await turn(dead), interrupted, 'it stays interrupted')
  t.equal((await turn(turn_id)).status, 'completed', 'the earlier turn stays completed')
  const { data } = (await call('GET', `${conversation}/messages`)).body
  t.same(
    data.map(({ position, status, content }: Json) => [position, status, content]),
    [
      [1, 'completed', 'before'],
      [2, 'completed', 're: before'],
      [3, 'completed', 'lost'],
      [4, 'interrupted', ''],
      [5, 'completed', 'after'],
      [6, 'completed', 're: after'],
    ],
    'every message is stored in its place',
  )
  t.same(
    requests.at(-1)?.history.map(({ user }) => user),
    ['before'],
    'the interrupted turn is not sent to a model',
  )
})

t.test('a conversation that is deleted during a turn: those who wait get 404', async (t) => {
  let during: () => Promise<unknown> = async () => {}
  const model: Model = {
    name: 'slow',
    async *run() {
      await during()
      yield { type: 'finish', usage }
    },
  }
  const { call } = await testApp(t, { model })
  during = async () => {
    const { body } = await call('GET', '/api/alice/conversations')
    await call('DELETE', `/api/alice/conversations/${body.data[0].id}`)
  }
  const answer = await call('POST', '/api/alice/chat', { body: { message: 'hi' } })
  t.match(answer, { status: 404, body: { code: 'conversation-not-found' } }, 'its client is told so')
  t.same((await call('GET', '/api/alice/conversations')).body.data, [], 'the conversation stays deleted')
})

t.test('a client that goes away does not stop its turn', async (t) => {
  let release = () => {}
  const model: Model = {
    name: 'slow',
    async *run() {
      await new Promise<void>((resolve) => {
        release = resolve
      })
      yield { type: 'text-delta', delta: 'still here' }
      yield { type: 'finish', usage }
    },
  }
  const { call, url } = await testApp(t, { model })
  const leaving = new AbortController()
  const sent = fetch(`${url}/api/alice/chat`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokenOf('alice')}`, 'content-type': 'application/json' },
    body: JSON.stringify({ message: 'hi' }),
    signal: leaving.signal,
  })
  const conversations = async (): Promise<Json> => (await call('GET', '/api/alice/conversations')).body.data
  await until(async () => (await conversations()).length > 0, 'the turn to run')
  const [{ id }] = await conversations()
  leaving.abort()
  await t.rejects(sent, { name: 'AbortError' }, 'the client is gone')
  release()
  const messages = async (): Promise<Json> =>
    (await call('GET', `/api/alice/conversations/${id}/messages`)).body.data
  await until(async () => (await messages()).length === 2, 'the answer to be stored')
  const answer = { role: 'assistant', status: 'completed', content: 'still here' }
  t.match((await messages())[1], answer, 'the whole answer is stored')
})

t.test('no connection is held while models work', async (t) => {
  const waiting: (() => void)[] = []
  const model: Model = {
    name: 'slow',
    async *run() {
      await new Promise<void>((resolve) => waiting.push(resolve))
      yield { type: 'finish', usage }
    },
  }
  const { url } = await testDatabase(t)
  const { chat, call } = await testApp(t, { model, db: connect({ url, max: 1, prepare: 'auto' }) })
  const turns = Array.from({ length: 50 }, (_, i) => chat(`message ${i}`))
  await until(() => waiting.length === 50)
  t.equal((await call('GET', '/api/alice/conversations')).status, 200, 'the one connection is free')
  for (const release of waiting) release()
  t.equal((await Promise.all(turns)).length, 50, 'every turn is answered')
})

t.test('a lost answer to begin or complete doubles nothing', async (t) => {
  const { url } = await testDatabase(t)
  const real = connect({ url, max: 2, prepare: 'auto' })
  let losses = 0
  const forgetful: typeof real = {
    ...real,
    async statement(work) {
      const result = await real.statement(work)
      // Not the ticks of a slow run, whose rows have no outcome.
      if (!result[0] || !('outcome' in result[0])) return result
      losses += 1
      if (losses % 2 === 1) throw new DatabaseUnavailable(new Error('the answer was lost'), 'unknown')
      return result
    },
  }
  const { chat, call } = await testApp(t, { db: forgetful })
  const { conversation_id } = await chat('one')
  await chat('two', { conversation_id })
  t.equal(losses, 8, 'each of the four statements was repeated')
  const { data } = (await call('GET', `/api/alice/conversations/${conversation_id}/messages`)).body
  t.same(
    data.map(({ content }: Json) => content),
    ['one', 'Echo: one', 'two', 'Echo: two'],
    'each message is stored once',
  )
})
