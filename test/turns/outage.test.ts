import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { type Answer, type TestApp, testApp } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { gatedModel, until } from '../helpers/models.js'
import { mortal } from '../helpers/mortal.js'
import { checkingClient, slowProgram, slowServer } from '../helpers/slow-server.js'
import { textOf, turnOf } from '../helpers/stream.js'

t.setTimeout(120_000)

const leaseMs = 1_000
const keyed = (key: string, accept = 'application/json') => ({
  body: { message: `message of ${key}` },
  headers: { 'idempotency-key': key, accept },
})
const send = ({ call }: TestApp, key: string) => call('POST', '/api/alice/chat', keyed(key))

/** Sends again, as a client does, while it is told to. */
const insist = async (app: TestApp, key: string): Promise<Answer> => {
  for (;;) {
    const answer = await send(app, key)
    if (answer.status !== 503 && answer.status !== 409) return answer
    await sleep(50)
  }
}

/** Two instances on a PostgreSQL that can be away. */
const instances = async (t: Test, busyWaitMs: number) => {
  const database = await mortal(t)
  const gated = gatedModel()
  const options = { model: gated.model, databaseUrl: database.url, limits: { leaseMs, busyWaitMs } }
  const one = await testApp(t, options)
  const two = await testApp(t, options)
  const root = postgres(database.url, { max: 1, onnotice: () => {} })
  t.teardown(() => root.end({ timeout: 1 }))
  /** The leases, as the database has them. */
  const leases = async () => {
    const [row] = await root<[{ alive: number; lapsed: number }]>`
      select count(*) filter (where lease_until >= clock_timestamp())::int as alive,
        count(*) filter (where lease_until < clock_timestamp())::int as lapsed
      from colloquy.turns`
    return row
  }
  return { database, gated, one, two, root, leases }
}

t.test('an outage that outlasts the leases takes no turn from an instance that lives', async (t) => {
  const { database, gated, one, two, root, leases } = await instances(t, 500)
  const keys = Array.from({ length: 6 }, (_, n) => `k${n}`)
  const first = keys.map((key) => send(one, key))
  await until(() => gated.working() === keys.length)
  await until(async () => (await leases()).alive === keys.length)

  await database.kill()
  const retried = () => keys.flatMap((key) => [insist(one, key), insist(two, key)])
  const during = retried()
  await sleep(2 * leaseMs)
  await database.revive()
  const again = [during, retried()]
  await until(async () => (await leases()).alive === keys.length, 'the instance to renew its leases')
  // Whoever saw the leases run out would have acted on it by now.
  await sleep(2 * leaseMs)
  t.same(
    gated.asked.toSorted(),
    keys.map((key) => `message of ${key}`),
    'each was asked once',
  )
  gated.open()

  const answers = await Promise.all(first)
  t.same(
    answers.map(({ status, body }) => `${status} ${body.response}`),
    keys.map((key) => `200 so far: message of ${key}`),
    'who asked first is answered',
  )
  const bodies = answers.flatMap(({ body }) => [body, body])
  for (const retries of again) {
    t.same(
      (await Promise.all(retries)).map(({ body }) => body),
      bodies,
      'and who asked again, with the same',
    )
  }
  t.equal(gated.asked.length, keys.length, 'and no model was asked for a second attempt')
  t.same(
    [...(await root`select distinct status, attempt from colloquy.turns`)],
    [{ status: 'completed', attempt: 1 }],
    'every turn completed in its first attempt',
  )
})

t.test('who comes back after the outage reads on at once, on either instance', async (t) => {
  // Whoever waited for as long as a message may wait would find the test over.
  const { database, gated, one, two, leases } = await instances(t, 600_000)
  const first = send(one, 'k')
  await until(() => gated.working() === 1)
  await until(async () => (await leases()).alive === 1)
  await database.kill()
  await sleep(2 * leaseMs)
  await database.revive()
  const streams = await Promise.all(
    [one, two].map(({ stream }) => stream('POST', '/api/alice/chat', keyed('k', 'text/event-stream'))),
  )
  for (const [n, stream] of streams.entries()) {
    t.equal(stream.headers.get('idempotency-replayed'), 'true', `stream ${n} attaches to the turn`)
    await stream.until(({ event }) => textOf([event]) === 'so far: ')
  }
  t.equal(gated.working(), 1, 'while the model works on')
  gated.open()
  for (const [n, stream] of streams.entries()) {
    t.equal(textOf(await stream.all()), 'so far: message of k', `stream ${n} has the answer`)
  }
  t.equal((await first).status, 200, 'the first client is answered')
  t.equal(gated.asked.length, 1, 'the model is asked once')
})

t.test('the conversation of an instance that died is freed, though nobody may wait for it', async (t) => {
  const { url } = await testDatabase(t)
  const dying = await slowServer(t, await slowProgram(t), url)
  const client = checkingClient(t, dying.url)
  const app = await testApp(t, { databaseUrl: url, limits: { leaseMs, busyWaitMs: 0 } })
  const message = Array.from({ length: 1_500 }, (_, n) => `w${n}`).join(' ')
  const turns = await Promise.all(
    [1, 2].map(async () => {
      const stream = await client.stream('POST', '/api/alice/chat', { body: { message } })
      return turnOf(stream)
    }),
  )
  await dying.end('SIGKILL')

  for (const [n, { conversation_id }] of turns.entries()) {
    const next = () => app.call('POST', '/api/alice/chat', { body: { conversation_id, message: 'go on' } })
    const answers = [await next()]
    await until(
      async () => answers.push(await next()) > 0 && answers.at(-1)?.status === 200,
      'the conversation to be free',
      20_000,
    )
    const refused = answers.slice(0, -1).map(({ status, body }) => `${status} ${body.code}`)
    t.same([...new Set(refused)], ['409 turn-in-progress'], `conversation ${n} is busy until then`)
    const { body } = await app.call('GET', `/api/alice/conversations/${conversation_id}/messages`)
    t.match(
      body.data,
      [{ role: 'user' }, { status: 'interrupted' }, { content: 'go on' }, { status: 'completed' }],
      `conversation ${n}: the turn is interrupted, and the next completes`,
    )
  }
})
