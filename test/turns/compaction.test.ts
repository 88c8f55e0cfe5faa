import { pino } from 'pino'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { connect } from '../../src/db/connect.js'
import type { Model, ModelRequest } from '../../src/models/model.js'
import { ModelError } from '../../src/models/model-error.js'
import { newId } from '../../src/new-id.js'
import { claimSummary, storeSummary } from '../../src/turns/store/summaries.js'
import { type Json, type TestAppOptions, testApp } from '../helpers/app.js'
import { until } from '../helpers/models.js'

const usage = {
  input_tokens: 10,
  output_tokens: 2,
  cached_input_tokens: 1,
  reasoning_tokens: 1,
  total_tokens: 12,
}
const isForSummary = ({ system }: ModelRequest): boolean => /Sum up/.test(system ?? '')

/** What is said, or its beginning, cut at the model's limit. */
type Summing = (request: ModelRequest) => Promise<string | { cut: string }>

/** Answers at once, and sums up as the test says. */
const summer = (summing: Summing = async () => 'They said hello.') => {
  const asked: ModelRequest[] = []
  const model: Model = {
    name: 'summer',
    async *run(request) {
      asked.push(request)
      const said = isForSummary(request) ? await summing(request) : `re: ${request.message}`
      const isCut = typeof said === 'object'
      yield { type: 'text-delta', delta: isCut ? said.cut : said }
      yield { type: 'finish', usage, ...(isCut && { reason: 'length' }) }
    },
  }
  return {
    model,
    /** the turns' requests */
    turns: () => asked.filter((request) => !isForSummary(request)),
    summaries: () => asked.filter(isForSummary),
  }
}

/** Two turns at most, and one when the window moves. */
const limits = { historyMessages: 4, historyTokens: 4_000 }

const start = async (t: Test, model: Model, options: TestAppOptions = {}) => {
  const logged: string[] = []
  const log = pino({ level: 'warn' }, { write: (line) => void logged.push(line) })
  const app = await testApp(t, {
    model,
    log,
    compact: true,
    ...options,
    limits: { ...limits, ...options.limits },
  })
  const sql = postgres(app.superuserUrl, { max: 1 })
  t.teardown(() => sql.end())
  const messages = async (id: string): Promise<Json[]> =>
    (await app.call('GET', `/api/alice/conversations/${id}/messages?limit=100`)).body.data
  const summariesOf = async (id: string) => (await messages(id)).filter(({ role }) => role === 'summary')
  const conversation = async (id: string) => (await app.call('GET', `/api/alice/conversations/${id}`)).body
  /** Has a conversation of so many turns, from m1 on. */
  const talk = async (turns: number, conversation_id?: string, first = 1): Promise<string> => {
    let id = conversation_id
    for (let n = first; n < first + turns; n += 1)
      id = (await app.chat(`m${n}`, id === undefined ? {} : { conversation_id: id })).conversation_id
    return id ?? ''
  }
  const counted = async () => {
    const { data } = (await app.call('GET', '/api/alice/usage')).body
    const row = data.find(({ model }: Json) => model === 'summer')
    return { turns: row?.turns ?? 0, answers: (row?.total_tokens ?? 0) / usage.total_tokens }
  }
  return { ...app, sql, logged, messages, summariesOf, conversation, talk, counted }
}

const gated = (text: string) => {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, summing: () => opened.then(() => text) }
}

t.test('what falls out of the window is summed up in a message that stands at its start', async (t) => {
  const { model, turns, summaries } = summer()
  const { talk, summariesOf, messages, conversation, call, counted, logged } = await start(t, model)
  const id = await talk(3)
  t.equal(summaries().length, 0, 'as long as all turns fit nothing is summed up')
  await talk(1, id, 4)
  await until(async () => (await summariesOf(id)).length > 0)
  const text = 'User:\nm1\n\nAssistant:\nre: m1\n\nUser:\nm2\n\nAssistant:\nre: m2'
  t.match(summaries(), [{ message: text, history: [] }], 'the turns before the window are summed up, once')
  const [summary] = await summariesOf(id)
  const parts = [{ type: 'text', text: 'They said hello.' }]
  const said = { content: 'They said hello.', parts, status: 'completed', turn_id: null, parent_id: null }
  t.match(summary, { ...said, position: 9, summarized_through: 4 }, 'it is a message of the conversation')
  t.same((await call('GET', `/api/alice/messages/${summary?.id}`)).body, summary, 'getMessage shows it')
  t.equal((await conversation(id)).message_count, 9, 'and it is counted')
  t.same(await counted(), { turns: 4, answers: 5 }, 'its tokens are counted, as no turn')

  await talk(1, id, 5)
  const last = turns().at(-1)
  t.match(last, { summary: 'They said hello.', message: 'm5' }, 'the next turn has the summary')
  t.same(
    last?.history.map(({ user }) => user),
    ['m3', 'm4'],
    'and the turns since, without a gap',
  )
  const positions = (await messages(id)).map(({ position, role }) => `${position} ${role}`)
  t.same(positions.slice(-3), ['9 summary', '10 user', '11 assistant'], 'the positions go on')
  t.equal(
    (await messages(id)).at(-2)?.parent_id,
    (await messages(id)).at(-4)?.id,
    'a message follows the answer',
  )
  t.same(logged, [], 'nothing is logged')
})

t.test('the next summary takes in the one before and the turns since', async (t) => {
  let n = 0
  const { model, summaries, turns } = summer(async () => `Summary ${++n}.`)
  const { talk, summariesOf } = await start(t, model)
  const id = await talk(4)
  await until(async () => (await summariesOf(id)).length === 1)
  await talk(2, id, 5)
  await until(async () => (await summariesOf(id)).length === 2)
  t.match(
    summaries().at(-1)?.message,
    /^Summary of what came before:\nSummary 1\.\n\nUser:\nm3\n.*\n\nUser:\nm4\n/s,
    'each turn is summed up once',
  )
  t.match(turns().at(-1), { summary: 'Summary 1.' }, 'until then the former one stands')
  await talk(1, id, 7)
  t.match(
    turns().at(-1),
    { summary: 'Summary 2.', history: [{ user: 'm5' }, { user: 'm6' }] },
    'then the new one',
  )
})

t.test('a summary never comes between a message and its answer', async (t) => {
  const gate = gated('Late.')
  const { model } = summer(gate.summing)
  let release = () => {}
  const slow: Model = {
    ...model,
    async *run(request) {
      if (request.message === 'm5') await new Promise<void>((resolve) => (release = resolve))
      yield* model.run(request)
    },
  }
  const { talk, summariesOf, messages, conversation, chat } = await start(t, slow)
  const id = await talk(4)
  const running = chat('m5', { conversation_id: id })
  await until(async () => (await conversation(id)).running_turn_id !== null)
  gate.open()
  await until(async () => (await summariesOf(id)).length > 0)
  t.equal(
    (await conversation(id)).message_count,
    10,
    'the message and the summary are counted, no answer yet',
  )
  release()
  await running
  const order = (await messages(id)).slice(-3).map(({ position, role }) => `${position} ${role}`)
  t.same(order, ['9 user', '10 assistant', '11 summary'], 'the answer had its position already')
  t.equal((await conversation(id)).message_count, 11, 'all are counted')
})

t.test('a summary that cannot be made changes nothing, and is tried again after a while', async (t) => {
  const failing: [what: string, summing: Summing, isLogged: boolean][] = [
    ['the model fails', () => Promise.reject(new ModelError('model-failed', 'as asked')), true],
    ['it is cut', async () => ({ cut: 'They said' }), true],
    ['it says white space', async () => ' \n\u3000', false],
  ]
  for (const [what, summing, isLogged] of failing) {
    let isFailing = true
    const { model, summaries, turns } = summer((request) =>
      isFailing ? summing(request) : Promise.resolve('At last.'),
    )
    const { talk, summariesOf, conversation, logged, counted, sql } = await start(t, model)
    const id = await talk(4)
    if (isLogged) await until(() => logged.length > 0)
    else await until(async () => (await counted()).answers === 5)
    await talk(1, id, 5)
    t.same(await summariesOf(id), [], `${what}: there is none`)
    t.equal((await conversation(id)).message_count, 10, `${what}: nothing is counted as a message`)
    t.equal(turns().at(-1)?.summary, undefined, `${what}: the next turn goes on without`)
    t.equal(logged.length, isLogged ? 1 : 0, `${what}: only an error is logged`)
    t.notMatch(logged.join(), /m1|re: /, `${what}: the log has no message text`)
    t.equal(summaries().length, 1, `${what}: the model is not asked each time`)
    isFailing = false
    await sql`update colloquy.conversations set summary_claimed_until = now() - interval '1 second'`
    await talk(1, id, 6)
    await until(async () => (await summariesOf(id)).length === 1)
    t.match(summaries().at(-1)?.message, /^User:\nm1\n/, `${what}: nothing has been left out meanwhile`)
  }
})

t.test('two instances make one summary, and one whose claim has run out stores none', async (t) => {
  const gate = gated('By the first.')
  const first = summer(gate.summing)
  const second = summer(async () => 'By the second.')
  const one = await start(t, first.model)
  const db = connect({ url: one.databaseUrl, max: 2, prepare: 'auto' })
  const two = await start(t, second.model, { db, databaseUrl: one.databaseUrl })
  const id = await one.talk(4)
  await until(() => first.summaries().length === 1)
  await two.chat('m5', { conversation_id: id })
  await two.chat('m6', { conversation_id: id })
  t.equal(second.summaries().length, 0, 'what one instance sums up no other does')
  await one.sql`update colloquy.conversations set summary_claimed_until = now() - interval '1 second'`
  await two.chat('m7', { conversation_id: id })
  await until(async () => (await one.summariesOf(id)).length === 1)
  const before = await one.counted()
  gate.open()
  await until(async () => (await one.counted()).answers === before.answers + 1)
  const stored = (await one.summariesOf(id)).map(({ content }) => content)
  t.same(stored, ['By the second.'], 'the late one is not stored, but counted')
})

t.test('a summary goes with its conversation, and one that is deleted meanwhile gets none', async (t) => {
  const gate = gated('Too late.')
  const { model } = summer(gate.summing)
  const { talk, call, sql, counted, logged } = await start(t, model)
  const id = await talk(4)
  await call('DELETE', `/api/alice/conversations/${id}`)
  gate.open()
  await until(async () => (await counted()).answers === 5)
  t.equal((await sql`select from colloquy.messages`).count, 0, 'nothing is left behind')
  const other = await talk(4)
  await until(async () => (await sql`select from colloquy.messages where role = 'summary'`).count === 1)
  await call('DELETE', `/api/alice/conversations/${other}`)
  t.equal((await sql`select from colloquy.messages`).count, 0, 'the summary is deleted, too')
  t.same(logged, [], 'nothing is logged')
})

t.test('a shutdown waits for no summary, and what is off makes none', async (t) => {
  const { model } = summer(() => new Promise<never>(() => {}))
  const { app, talk, logged, superuserUrl } = await start(t, model, { shutdownMs: 600_000 })
  await talk(4)
  await app.close()
  const sql = postgres(superuserUrl, { max: 1 })
  t.teardown(() => sql.end())
  t.equal((await sql`select from colloquy.messages`).count, 8, 'there is no summary')
  t.same(logged, [], 'the shutdown is not logged as a failure')

  const other = summer()
  const off = await start(t, other.model, { compact: false })
  await off.talk(6)
  t.equal(other.summaries().length, 0, 'no model is asked')
})

t.test('long turns are shortened for the summary, and a long summary is cut', async (t) => {
  const long = 'é'.repeat(9_000)
  const { model, summaries } = summer(async () => long)
  const { talk, chat, summariesOf } = await start(t, model, { limits: { historyTokens: 4_000 } })
  const id = await talk(1)
  await chat(long, { conversation_id: id })
  await talk(3, id, 3)
  await until(async () => (await summariesOf(id)).length > 0)
  const asked = Buffer.byteLength(summaries()[0]?.message ?? '')
  t.ok(asked <= 7_000, `${asked} bytes are half of the window, and some words around them`)
  const [summary] = await summariesOf(id)
  const bytes = Buffer.byteLength(summary?.content)
  t.ok(bytes <= 1_500 && bytes > 1_400, `${bytes} bytes are an eighth of the window`)
  t.match(summary?.content, /^é+ …$/, 'it is cut between characters')
})

t.test('nobody sums up, or adds a summary to, another user’s conversation', async (t) => {
  const { model } = summer()
  const { db, talk, messages } = await start(t, model, { compact: false })
  const conversationId = await talk(2)
  const claim = { conversationId, claim: newId(), leaseMs: 60_000, before: 5, maxBytes: 9_000 }
  t.equal(await claimSummary(db, { ...claim, userId: 'bob' }), undefined, 'bob has nothing to sum up')
  t.match(
    await claimSummary(db, { ...claim, userId: 'alice' }),
    { history: [{ user: 'm1' }, {}] },
    'alice has',
  )
  const summary = { messageId: newId(), text: 'bob was here', windowTokens: 1, through: 4, model: 'summer' }
  await storeSummary(db, { ...claim, ...summary, userId: 'bob', usage: { ...usage, cost: null } })
  t.equal((await messages(conversationId)).length, 4, 'bob’s is not stored, though he knows the claim')
  await storeSummary(db, { ...claim, ...summary, userId: 'alice', usage: { ...usage, cost: null } })
  t.equal((await messages(conversationId)).length, 5, 'alice’s is')
})
