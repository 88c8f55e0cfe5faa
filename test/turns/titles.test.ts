import { pino } from 'pino'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import type { Model, ModelRequest } from '../../src/models/model.js'
import { ModelError } from '../../src/models/model-error.js'
import { createTurnStore } from '../../src/turns/store/turn-store.js'
import { cleanTitle, createTitles, titleFromMessage } from '../../src/turns/titles.js'
import { type Json, type TestAppOptions, testApp } from '../helpers/app.js'
import { until } from '../helpers/models.js'
import { providerApp } from '../helpers/provider-app.js'
import { chatCompletions } from '../helpers/provider-wire.js'
import { events, refuse, type UpstreamRequest } from '../helpers/upstream.js'

const usage = {
  input_tokens: 10,
  output_tokens: 2,
  cached_input_tokens: 1,
  reasoning_tokens: 0,
  total_tokens: 12,
}
const conversations = '/api/alice/conversations'
const secret = 'the first message, which stays out of the log'

type Titling = (request: ModelRequest) => Promise<string>

const isForTitle = ({ system }: ModelRequest): boolean => /title/.test(system ?? '')
const untilAborted = ({ signal }: ModelRequest) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

/** Answers at once, unless the message is "fail" and it is told to; makes titles as the test says. */
const titler = (titling: Titling, isFailing = () => true) => {
  const asked: ModelRequest[] = []
  const model: Model = {
    name: 'titler',
    async *run(request) {
      asked.push(request)
      if (request.message === 'fail' && isFailing()) throw new ModelError('model-failed', 'as asked')
      yield { type: 'text-delta', delta: isForTitle(request) ? await titling(request) : 'an answer' }
      yield { type: 'finish', usage }
    },
  }
  return { model, asked, titles: () => asked.filter(isForTitle) }
}

const start = async (t: Test, model: Model, options: TestAppOptions = {}) => {
  const logged: string[] = []
  const log = pino({ level: 'warn' }, { write: (line) => void logged.push(line) })
  const app = await testApp(t, { model, log, titles: 'model', ...options })
  const conversation = async (id: string) => (await app.call('GET', `${conversations}/${id}`)).body
  /** how many turns, and how many answers and titles together, have been counted so far */
  const counted = async () => {
    const { data } = (await app.call('GET', '/api/alice/usage')).body
    const row = data.find(({ model }: Json) => model === 'titler')
    return { turns: row?.turns ?? 0, answers: (row?.total_tokens ?? 0) / usage.total_tokens }
  }
  const untilCounted = (answers: number) => until(async () => (await counted()).answers >= answers)
  return { ...app, logged, conversation, counted, untilCounted }
}

/** A title that is made when the test opens its gate. */
const gated = (title: string) => {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, titling: () => opened.then(() => title) }
}

t.test('the model of a new conversation gives it a title when the first turn has completed', async (t) => {
  const gate = gated('“A  quiet\nnight”')
  const { model, asked, titles } = titler(gate.titling)
  const other = titler(async () => 'Another model’s')
  const options = { otherModels: [{ ...other.model, name: 'other' }], systemPrompt: 'Be kind.' }
  const { call, chat, conversation, untilCounted, counted, logged } = await start(t, model, options)
  const first = await chat(secret)
  t.equal((await conversation(first.conversation_id)).title, secret, 'until then it is the message')
  t.equal(titles().length, 1, 'the title is asked for once')
  t.match(asked.at(-1), { message: secret, history: [], system: /at most six words/ }, 'of the first message')
  t.notMatch(asked.at(-1)?.system, /Be kind/, 'without the operator’s prompt')

  const second = await call('POST', '/api/alice/chat', { body: { message: 'second', model: 'other' } })
  await chat('next', { conversation_id: second.body.conversation_id })
  t.equal(other.titles().length, 1, 'each conversation is for the model that answered')
  const before = await conversation(first.conversation_id)
  gate.open()
  await untilCounted(3)
  const after = await conversation(first.conversation_id)
  const titled = { title: 'A quiet night', last_turn_at: before.last_turn_at, message_count: 2 }
  t.match(after, titled, 'the title is stored, and no turn or message is added')
  t.ok(after.updated_at > before.updated_at, 'the change shows in the conversation')
  const list = (await call('GET', conversations)).body.data
  t.equal(list.at(-1).id, first.conversation_id, 'it does not reorder the list')

  t.same(await counted(), { turns: 2, answers: 3 }, 'its tokens are counted, as no turn')
  await chat('and then?', { conversation_id: first.conversation_id })
  t.equal(titles().length, 1, 'a second turn makes no title')
  t.same(logged, [], 'nothing is logged')
})

t.test('unless the operator wants it, a model is asked once per turn', async (t) => {
  const { model, asked } = titler(async () => 'Never')
  const { chat, conversation } = await start(t, model, { titles: 'message' })
  const { conversation_id } = await chat('one')
  await chat('two', { conversation_id })
  t.equal(asked.length, 2, 'each turn asks the model once')
  t.equal((await conversation(conversation_id)).title, 'one', 'the title stays the first message')
})

t.test('a title that the user has set meanwhile stays', async (t) => {
  const gate = gated('The model’s')
  const { model } = titler(gate.titling)
  const { call, chat, conversation, untilCounted, logged } = await start(t, model)
  const ids: string[] = []
  for (let i = 0; i < 4; i += 1) ids.push((await chat('hi')).conversation_id)
  const [named, same, archived, deleted] = ids as [string, string, string, string]
  const update = (id: string, body: object) => call('PATCH', `${conversations}/${id}`, { body })
  await update(named, { title: 'The user’s' })
  await update(same, { title: 'hi' })
  await update(archived, { archived: true })
  await call('DELETE', `${conversations}/${deleted}`)
  gate.open()
  await untilCounted(8)
  const titles = await Promise.all(ids.slice(0, 3).map(async (id) => (await conversation(id)).title))
  t.same(titles, ['The user’s', 'hi', 'The model’s'], 'only a title that the user has not set is replaced')
  await update(archived, { title: 'At last' })
  t.match(await conversation(archived), { title: 'At last', archived: true }, 'the user can rename it')
  t.same(logged, [], 'nothing is logged')
})

t.test('a title that cannot be made leaves the turn and the title alone', async (t) => {
  const titlings: [what: string, titling: Titling, isLogged: boolean][] = [
    ['the model fails', () => Promise.reject(new ModelError('model-failed', 'as asked')), true],
    ['it says nothing', async () => '', false],
    ['it says white space', async () => ' \n\u3000', false],
    ['it says quotes', async () => ' "" ', false],
  ]
  for (const [what, titling, isLogged] of titlings) {
    const { model } = titler(titling)
    const { call, chat, conversation, untilCounted, logged } = await start(t, model)
    const { conversation_id, turn_id } = await chat(secret)
    if (isLogged) await until(() => logged.length > 0)
    else await untilCounted(2)
    t.equal((await conversation(conversation_id)).title, secret, what)
    const { body } = await call('GET', `/api/alice/turns/${turn_id}`)
    t.match(body, { status: 'completed', usage }, `${what}: the turn is as it was answered`)
    t.equal(logged.length, isLogged ? 1 : 0, `${what}: only an error is logged`)
    t.notMatch(logged.join(), secret, `${what}: the log has no message text`)
  }
})

t.test('a title that cannot be stored is a line in the log', async (t) => {
  const { model } = titler(async () => 'A title')
  const { db, chat, conversation } = await start(t, model, { titles: 'message' })
  const { conversation_id: conversationId } = await chat(secret)
  const warnings: { err?: unknown }[] = []
  const unavailable = new Error('unavailable')
  const titles = createTitles({
    store: createTurnStore({ ...db, statement: () => Promise.reject(unavailable) }),
    log: { warn: (fields) => warnings.push(fields) },
  })
  titles.begin({ userId: 'alice', conversationId, message: secret, model })
  await until(() => warnings.length > 0)
  t.same(warnings, [{ conversation_id: conversationId, err: unavailable }], 'the log has the error')
  t.equal((await conversation(conversationId)).title, secret, 'the title stays')
})

t.test('a model has a bounded time for a title, and only so many are made at once', async (t) => {
  const gate = gated('In time')
  const { model, titles } = titler((request) =>
    request.message === 'slow' ? untilAborted(request) : gate.titling(),
  )
  const { db, chat, conversation, untilCounted } = await start(t, model, { titles: 'message' })
  const warnings: { err?: unknown }[] = []
  const log = { warn: (fields: object) => void warnings.push(fields) }
  const ids: string[] = []
  for (const message of ['slow', 'a', 'b', 'c']) ids.push((await chat(message)).conversation_id)
  const [slow, a, b, c] = ids as [string, string, string, string]
  const untitled = (conversationId: string, message: string) => ({
    userId: 'alice',
    conversationId,
    message,
    model,
  })
  const store = createTurnStore(db)
  const brief = createTitles({ store, log, timeoutMs: 50 })
  brief.begin(untitled(slow, 'slow'))
  await until(() => warnings.length > 0)
  t.same(warnings, [{ conversation_id: slow, err: 'timeout' }], 'past its time a title is given up')
  t.equal((await conversation(slow)).title, 'slow', 'its conversation keeps the title')

  const few = createTitles({ store, log, max: 2 })
  few.begin(untitled(a, 'a'))
  few.begin(untitled(b, 'b'))
  few.begin(untitled(c, 'c'))
  t.equal(titles().length, 3, 'the third conversation keeps its title')
  gate.open()
  await untilCounted(6)
  await until(async () => {
    few.begin(untitled(c, 'c'))
    return titles().length > 3
  })
  await untilCounted(7)
  t.equal((await conversation(c)).title, 'In time', 'later ones have room')
  t.equal(warnings.length, 1, 'nothing else is logged')
})

t.test('a shutdown waits for no title, not even of a model that is deaf to its signal', async (t) => {
  const titlings = { 'a model that stops': untilAborted, 'a deaf model': () => new Promise<never>(() => {}) }
  for (const [what, titling] of Object.entries(titlings)) {
    const { model } = titler(titling)
    const { app, chat, superuserUrl, logged } = await start(t, model, { shutdownMs: 600_000 })
    const { turn_id } = await chat(secret)
    await app.close()
    const sql = postgres(superuserUrl, { max: 1 })
    t.teardown(() => sql.end())
    const rows = await sql`
      select c.title, c.title_by, t.status
      from colloquy.turns t join colloquy.conversations c on c.id = t.conversation_id
      where t.id = ${turn_id}`
    const stored = { title: secret, title_by: 'message', status: 'completed' }
    t.same([...rows], [stored], `${what}: the turn is stored under its message`)
    t.same(logged, [], `${what}: the shutdown is not logged as a failure`)
  }
})

t.test('once the instance is shutting down, turns complete without titles', async (t) => {
  let release = () => {}
  const { model } = titler(async () => 'Never')
  let runs = 0
  const slow: Model = {
    ...model,
    async *run(request) {
      runs += 1
      await new Promise<void>((resolve) => {
        release = resolve
      })
      yield* model.run(request)
    },
  }
  const { app, call, chat } = await start(t, slow)
  const answer = chat('hi')
  await until(async () => (await call('GET', conversations)).body.data.length > 0)
  const closed = app.close()
  await until(async () => (await call('GET', '/health/ready')).status === 503)
  release()
  t.equal((await answer).status, 'completed', 'the turn completes')
  await closed
  t.equal(runs, 1, 'no title is asked for')
})

t.test('a first turn that fails has no title, and gets one when it is tried again', async (t) => {
  let isFailing = true
  const { model, titles } = titler(
    async () => 'At last',
    () => isFailing,
  )
  const { call, conversation, untilCounted } = await start(t, model)
  const send = () =>
    call('POST', '/api/alice/chat', { body: { message: 'fail' }, headers: { 'idempotency-key': 'k' } })
  t.equal((await send()).status, 502, 'the first attempt fails')
  t.equal(titles().length, 0, 'a failed turn asks for no title')
  isFailing = false
  const { conversation_id } = (await send()).body
  await untilCounted(2)
  t.equal((await conversation(conversation_id)).title, 'At last', 'the retry gets a title')
  await send()
  t.equal(titles().length, 1, 'a replayed answer makes none')
})

t.test('a provider is asked for a title as for an answer, without tools', async (t) => {
  const { provider, call, chat, logged } = await providerApp(
    t,
    'openai-compatible/m',
    {},
    { titles: 'model' },
  )
  const { answer } = chatCompletions
  const title = events(...answer.call(chatCompletions, '"A', ' title"'))
  provider.answer(events(...answer.call(chatCompletions, 'Hello')), title)
  const { conversation_id } = await chat(secret)
  const titleFromMessage = async (id: string) => (await call('GET', `${conversations}/${id}`)).body.title
  await until(async () => (await titleFromMessage(conversation_id)) === 'A title')
  const { body } = provider.requests[1] as UpstreamRequest
  const [system, user, ...others] = body.messages
  t.match(system, { role: 'system', content: /title/ }, 'a title is asked for')
  t.match(user, { role: 'user', content: secret }, 'the message is sent')
  t.same(others, [], 'nothing else is sent')
  t.notOk('tools' in body, 'no tools are offered')
  const { data } = (await call('GET', '/api/alice/usage')).body
  const counts = { turns: 1, input_tokens: 22, output_tokens: 14, cached_input_tokens: 10 }
  t.match(data, [counts], 'both requests are counted, as one turn')

  const quoting = refuse(400, { error: { message: `not with: ${secret}`, type: 'invalid_request_error' } })
  provider.answer(events(...answer.call(chatCompletions, 'Hello')), quoting)
  const failed = await chat(secret)
  await until(() => logged().includes('the title could not be generated'))
  t.equal(await titleFromMessage(failed.conversation_id), secret, 'a refused title changes nothing')
  t.notMatch(logged(), secret, 'the log has no message text')
})

t.test('an answer becomes a title: one line, no quotes around it, 80 characters at most', async (t) => {
  const titles: [answer: string, title: string][] = [
    ['Groceries', 'Groceries'],
    [' \n A  quiet\r\n\tnight ', 'A quiet night'],
    ['"Groceries"', 'Groceries'],
    ['“ Groceries ”\n', 'Groceries'],
    ['„Einkauf“', 'Einkauf'],
    ['«Courses»', 'Courses'],
    ['「買い物」', '買い物'],
    ["'Bob’s car'", 'Bob’s car'],
    ['"Yes" or "no"', '"Yes" or "no"'],
    ['The "other" one', 'The "other" one'],
    ['"', '"'],
    ['""', ''],
    [' ', ''],
    ['\u001b[31mRed\u0007\u0085alert\u007f', '[31mRed alert'],
    ['\u202e\u2066Bank of\u200f trust', 'Bank of trust'],
    ['👩\u200d👧 Family', '👩\u200d👧 Family'],
    ['"\u202e\u0000"', ''],
    ['😀'.repeat(81), '😀'.repeat(80)],
    [`"${'a'.repeat(79)} b"`, 'a'.repeat(79)],
    ['\u200b"\u2060"', ''],
  ]
  for (const [answer, title] of titles) t.equal(cleanTitle(answer), title, JSON.stringify(answer))
})

t.test('a message becomes a title: one line, cut between what readers take for characters', async (t) => {
  const family = '👩‍👩‍👧‍👦'
  const titles: [message: string, title: string][] = [
    ['Buy\n\tmilk\r\nand\u2028bread\u0085now', 'Buy milk and bread now'],
    ['\u001b[31mRed', '[31mRed'],
    ['\u202eabc', 'abc'],
    [`${'a'.repeat(79)}${family}`, 'a'.repeat(79)],
    [`${'a'.repeat(73)}${family}!`, `${'a'.repeat(73)}${family}`],
    [`${'a'.repeat(79)}e\u0301`, 'a'.repeat(79)],
    [`${'a'.repeat(78)}e\u0301b`, `${'a'.repeat(78)}e\u0301`],
    [`${'a'.repeat(79)}🇫🇷`, 'a'.repeat(79)],
    [`${'a'.repeat(79)}👍🏽`, 'a'.repeat(79)],
    [`${'a'.repeat(79)}❤️`, 'a'.repeat(79)],
    [`${'a'.repeat(78)}각`, `${'a'.repeat(78)}각`],
    [`${'a'.repeat(79)}\u1100\u1161\u11a8`, 'a'.repeat(79)],
    [`${'a'.repeat(79)}नि`, 'a'.repeat(79)],
    [`e${'\u0301'.repeat(200)}`, `e${'\u0301'.repeat(79)}`],
    [`${'\u200b'.repeat(200)}late`, 'late'],
    [`${'\u2800 '.repeat(200)}late`, 'late'],
    ['❤️', '❤️'],
    [family, family],
  ]
  for (const [message, title] of titles) {
    t.equal(titleFromMessage(message), title, JSON.stringify(message.slice(-20)))
    t.equal(cleanTitle(message), title, `${JSON.stringify(message.slice(-20))}, of a model`)
  }
})

t.test('what cannot be stored as it is, is stored as another character', async (t) => {
  const { model } = titler(async () => 'a\0b\ud800')
  const { chat, conversation, untilCounted } = await start(t, model)
  const { conversation_id } = await chat('hi')
  await untilCounted(2)
  t.equal((await conversation(conversation_id)).title, 'a\ufffdb\ufffd', 'U+FFFD takes their place')
})
