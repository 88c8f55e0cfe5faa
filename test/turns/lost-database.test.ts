import postgres from 'postgres'
import t from 'tap'
import { connect } from '../../src/db/connect.js'
import { type Answer, type Json, type TestApp, testApp } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { gatedModel, until } from '../helpers/models.js'
import { mortal } from '../helpers/mortal.js'
import { countingProxy } from '../helpers/wire.js'

process.on('uncaughtException', (error) => t.fail('an uncaught exception', { error }))
process.on('unhandledRejection', (error) => t.fail('an unhandled rejection', { error }))

/** The answers in short, each once. */
const kindsOf = (answers: Answer[]): string[] => [
  ...new Set(
    answers.map(({ status, headers, body }) => `${status} ${body.code} ${headers.get('retry-after')}`),
  ),
]
const unavailable = ['503 database-unavailable 1']

const messagesOf = async ({ call }: TestApp, conversationId: string): Promise<string[]> => {
  const { body } = await call('GET', `/api/alice/conversations/${conversationId}/messages?limit=100`)
  return body.data.map(({ position, content }: Json) => `${position} ${content}`)
}
const conversationsOf = async ({ call }: TestApp): Promise<Json[]> =>
  (await call('GET', '/api/alice/conversations?limit=100')).body.data

t.test('PostgreSQL is killed during a turn: 503 until it is back, and the answer is held', async (t) => {
  const database = await mortal(t)
  const gated = gatedModel()
  const app = await testApp(t, { model: gated.model, databaseUrl: database.url })
  const send = (message: string, headers = {}) =>
    app.call('POST', '/api/alice/chat', { body: { message }, headers })
  let isAnswered = false
  const turn = send('worth money').finally(() => {
    isAnswered = true
  })
  await until(() => gated.working() === 1)
  const [{ id }] = await conversationsOf(app)
  await database.kill()
  gated.open()

  // Longer than a begin is tried, so the end of the turn could not be stored several times by now.
  const key = { 'idempotency-key': 'k' }
  const refused = await Promise.all([
    ...Array.from({ length: 100 }, (_, i) => send(`lost ${i}`, i === 0 ? key : {})),
    ...Array.from({ length: 100 }, () => app.call('GET', `/api/alice/conversations/${id}`)),
    app.call('POST', `/api/alice/turns/${id}/cancel`),
    app.call('GET', '/health/ready'),
  ])
  t.same(kindsOf(refused), unavailable, 'everybody is told to come back')
  t.equal((await app.call('GET', '/health/live')).status, 200, 'the process is alive')
  t.notOk(isAnswered, 'nothing is acknowledged that is not stored')

  await database.revive()
  const body = { conversation_id: id, response: 'so far: worth money' }
  t.match(await turn, { status: 200, body }, 'the held answer is given')
  t.same(await messagesOf(app, id), ['1 worth money', '2 so far: worth money'], 'it is stored once')
  t.equal((await app.call('GET', '/health/ready')).status, 200, 'the instance is ready again')
  t.equal((await send('lost 0', key)).headers.get('idempotency-replayed'), null, 'a refusal is not stored')
  t.equal((await conversationsOf(app)).length, 2, 'what was refused has left nothing')
})

t.test('a database that falls silent: everybody is answered while it still is', async (t) => {
  t.setTimeout(60_000)
  const { url } = await testDatabase(t)
  const wire = await countingProxy(t, url)
  const db = connect({
    url: wire.url,
    max: 5,
    prepare: 'auto',
    statementTimeoutMs: 1_000,
    acquireTimeoutMs: 500,
  })
  const app = await testApp(t, { db })
  await app.chat('before')
  wire.silence(true)
  const refused = await Promise.all([
    ...Array.from({ length: 200 }, () => app.call('GET', '/api/alice/conversations')),
    ...Array.from({ length: 100 }, (_, i) =>
      app.call('POST', '/api/alice/chat', { body: { message: `message ${i}` } }),
    ),
  ])
  t.same(kindsOf(refused), unavailable, 'everybody is told to come back')
  wire.silence(false)
  await until(async () => (await app.call('GET', '/health/ready')).status === 200)
  t.equal((await app.chat('after')).response, 'Echo: after', 'the next turn is answered')
})

for (const key of [undefined, 'k']) {
  t.test(`answers lost on the way double nothing, ${key ? 'with' : 'without'} a key`, async (t) => {
    const { url, superuserUrl } = await testDatabase(t)
    const wire = await countingProxy(t, url)
    const gated = gatedModel()
    const app = await testApp(t, { model: gated.model, databaseUrl: wire.url })
    const root = postgres(superuserUrl, { max: 1, onnotice: () => {} })
    t.teardown(() => root.end())
    /** Lets the statement that carries this text be done, and cuts the connection before a word of it is heard. */
    const loseAnswer = async (text: string, status: string): Promise<void> => {
      wire.tamper((data) => {
        if (data.includes(text)) wire.silence(true)
        return data
      })
      await until(async () => (await root`select from colloquy.turns where status = ${status}`).length > 0)
      wire.tamper(undefined)
      wire.cut()
      wire.silence(false)
    }
    const send = () =>
      app.call('POST', '/api/alice/chat', {
        body: { message: 'once' },
        headers: key === undefined ? {} : { 'idempotency-key': key },
      })

    const begun = loseAnswer('once', 'running')
    let isAnswered = false
    const sent = send().finally(() => {
      isAnswered = true
    })
    await begun
    await until(() => gated.working() === 1 || isAnswered)
    if (!t.equal(gated.working(), 1, 'the turn goes on')) return
    const completed = loseAnswer('so far: once', 'completed')
    gated.open()
    await completed
    const answer = await sent
    t.match(answer, { status: 200, body: { response: 'so far: once' } }, 'the turn is answered')
    t.same(
      [...(await root`select status, attempt from colloquy.turns`)],
      [{ status: 'completed', attempt: 1 }],
      'one turn, one attempt',
    )
    const messages = await messagesOf(app, answer.body.conversation_id)
    t.same(messages, ['1 once', '2 so far: once'], 'the turn is stored once')
    t.same(gated.asked, ['once'], 'the model is asked once')
    if (key) t.same((await send()).body, answer.body, 'a retry gets the stored answer')
  })
}
