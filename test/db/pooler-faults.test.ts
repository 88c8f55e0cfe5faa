import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import t from 'tap'
import { startPooler, throughPooler } from '../../scripts/pooler.js'
import { DatabaseUnavailable } from '../../src/db/connect.js'
import { toDatabaseError } from '../../src/db/errors.js'
import { sessionSettings } from '../../src/db/settings.js'
import { startEmbedded } from '../../src/embedded-postgres/start.js'
import { hasty, testFolder } from '../helpers/cluster.js'
import { missingPoolerReason, one, open, plant, pooled, titles } from '../helpers/pooler.js'
import { runColloquy } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'
import { countingProxy } from '../helpers/wire.js'

process.on('uncaughtException', (error) => t.fail('an uncaught exception', { error }))
process.on('unhandledRejection', (error) => t.fail('an unhandled rejection', { error }))
t.setTimeout(60_000)

t.test(
  'connections that the pooler loses in the middle of a transaction',
  { skip: missingPoolerReason },
  async (t) => {
    const { url, root, console } = await pooled(t, { poolSize: 2 })
    const db = open(t, url, { max: 4 })
    const database = new URL(url).pathname.slice(1)
    const losses: Record<string, () => Promise<unknown>> = {
      'the server ends it': () => root`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`,
      'the pooler drops everybody': async () => {
        await console.unsafe(`kill ${database}`).simple()
        await console.unsafe(`resume ${database}`).simple()
      },
    }
    for (const [why, lose] of Object.entries(losses)) {
      await db.asUser('alice', one)
      const error = await db
        .asUser('alice', async (sql) => {
          await plant(sql, 'alice', 'lost')
          await lose()
          await plant(sql, 'alice', 'lost too').catch(() => {})
          await plant(sql, 'alice', 'outside')
        })
        .catch((error: unknown) => error)
      t.type(error, DatabaseUnavailable, why)
      t.match(error, { outcome: 'none' }, why)
      await db.asUser('alice', one).catch(() => {})
      t.same(await db.asUser('alice', titles), [], 'it serves again, and nothing was written')
    }
  },
)

t.test('a pooler that restarts', { skip: missingPoolerReason }, async (t) => {
  const { url, stop, startAgain } = await pooled(t, { poolSize: 2 })
  const db = open(t, url, { max: 3 })
  const all = () => Promise.all(Array.from({ length: 6 }, () => db.asUser('alice', one)))
  await all()
  const cutOff = t.rejects(
    db.asUser('alice', (sql) => sql`select pg_sleep(60)`),
    DatabaseUnavailable,
    'what is under way fails',
  )
  await sleep(50)
  await stop()
  await cutOff
  for (let attempt = 0; attempt < 6; attempt += 1)
    await t.rejects(db.asUser('alice', one), DatabaseUnavailable, `attempt ${attempt} is refused`)
  await startAgain()
  t.equal((await all()).length, 6, 'it serves again')
})

t.test('a server that goes away behind the pooler', { skip: missingPoolerReason }, async (t) => {
  const folder = await testFolder(t)
  const dataDir = join(folder, 'data')
  const first = await startEmbedded({ dataDir, settings: hasty })
  const wire = await countingProxy(t, first.url)
  const pooler = await startPooler({ folder: join(folder, 'pooler'), clusterUrl: wire.url, logins: [] })
  t.teardown(() => pooler.stop())
  const db = open(t, throughPooler(wire.url, pooler.port), { max: 3, acquireTimeoutMs: 1_500 })
  const run = [
    () => db.asLogin(one),
    () => db.statement((sql) => sql`select ${1}::integer as one`),
    () => db.asUser('alice', one),
  ]
  const all = () => Promise.all(run.slice(0, 2).map((ask) => ask()))
  await all()
  const cutOff = t.rejects(
    db.asLogin((sql) => sql`select pg_sleep(60)`),
    DatabaseUnavailable,
    'what is under way fails',
  )
  await sleep(50)
  await first.stop()
  await cutOff
  const refused = async (why: string) => {
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const start = Date.now()
      await Promise.all(run.map((ask) => t.rejects(ask(), DatabaseUnavailable, why)))
      t.ok(Date.now() - start < 3_500, `within the time that a connection may take: ${Date.now() - start} ms`)
    }
  }
  await refused('it refuses connections')
  wire.silence(true)
  await refused('it says nothing')
  wire.silence(false)
  const second = await startEmbedded({ dataDir, settings: hasty })
  t.teardown(() => second.stop())
  wire.redirect(second.url)
  for (const end = Date.now() + 10_000; Date.now() < end; await sleep(100)) {
    if (await all().catch(() => undefined)) break
  }
  t.equal((await all()).length, 2, 'it serves again')
})

t.test('a pooler without a connection free', { skip: missingPoolerReason }, async (t) => {
  const { url } = await pooled(t)
  const holder = open(t, url)
  const db = open(t, url, { max: 2, acquireTimeoutMs: 2_000 })
  // Opening a connection has that limit, too, and a busy machine may need more than one attempt.
  const warm = () => Promise.all([db.asUser('bob', one), db.asUser('bob', one)])
  for (const end = Date.now() + 20_000; Date.now() < end; ) if (await warm().catch(() => undefined)) break
  await holder.asUser('alice', async (sql) => {
    await one(sql)
    const late = { name: 'DatabaseUnavailable', cause: { code: 'CONNECTION_WAIT' } }
    await Promise.all([
      t.rejects(db.asUser('bob', one), late, 'a transaction waits no longer than it may'),
      t.rejects(
        db.statement((sql) => sql`select ${1}::integer`),
        late,
        'nor does a statement',
      ),
    ])
    await one(sql)
  })
  t.same(await db.asUser('bob', one), [{ one: 1 }], 'the freed connection serves again')
  t.match(
    await db.asUser('bob', (sql) => sql`select pg_sleep(${2.5}::float8)`),
    [{}],
    'what is answered late has no part in that limit',
  )
})

const limits = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']
const pinned = [...Object.keys(sessionSettings), ...limits].join(',')

t.test('a pooler that its URL does not reveal', { skip: missingPoolerReason }, async (t) => {
  const signs: [pooler: string, settings: Record<string, string>, text: RegExp][] = [
    ['one that refuses', {}, /unsupported startup parameter: \w+/],
    ['one that ignores', { ignore_startup_parameters: pinned }, /ignores statement_timeout/],
  ]
  for (const [pooler, settings, text] of signs) {
    const { url } = await pooled(t, { settings, poolSize: 2 })
    const hidden = url.replace('?pgbouncer=true', '')
    const error = await open(t, hidden)
      .asUser('alice', one)
      .catch((error: unknown) => error)
    t.match(error, { name: 'DatabaseUnavailable', message: text }, `${pooler}: the error says why`)
    t.match(error, { message: /DATABASE_PREPARE=off/ }, `${pooler}: the error says what to set`)
    const rows = await open(t, hidden, { prepare: 'off' }).asUser('alice', one)
    t.same(rows, [{ one: 1 }], `${pooler}: with that it serves`)

    const env = { DATABASE_URL: hidden, BETTER_AUTH_SECRET: SECRET, PORT: '0' }
    const serve = await runColloquy(['serve'], { env })
    const stderr = /^colloquy: database unavailable: .*set DATABASE_PREPARE=off.*\n$/
    t.match(serve, { code: 1, stderr }, `${pooler}: serve says what to set`)
  }
})

t.test('an answer that tells of a lost connection leaves open what has happened', async (t) => {
  const answer = (code: string) =>
    toDatabaseError(Object.assign(new postgres.PostgresError('x'), { code }), 'unknown')
  for (const code of ['08006', '08007', '08P01']) t.match(answer(code), { outcome: 'unknown' }, code)
  for (const code of ['57014', '55P03']) t.match(answer(code), { outcome: 'none' }, code)
})
