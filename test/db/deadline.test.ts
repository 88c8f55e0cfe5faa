import { createServer } from 'node:net'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { connect, DatabaseUnavailable } from '../../src/db/connect.js'
import type { Database, Sql } from '../../src/db/database.js'
import { startEmbedded } from '../../src/embedded-postgres/start.js'
import { hasty, initialisedFolder } from '../helpers/cluster.js'
import { isPooled, testDatabase } from '../helpers/database.js'
import { countingProxy } from '../helpers/wire.js'

type Options = Partial<Parameters<typeof connect>[0]>

const open = (t: Test, url: string, options: Options = {}): Database => {
  const db = connect({ url, max: 1, prepare: 'auto', ...options })
  t.teardown(() => db.close(0))
  return db
}

const one = (sql: Sql) => sql`select 1 as one`

const unavailable = async (t: Test, work: PromiseLike<unknown>, outcome: string, code: string | RegExp) => {
  const error = await Promise.resolve(work).catch((error: unknown) => error)
  t.type(error, DatabaseUnavailable, `${outcome}, ${code}: the database is unavailable`)
  t.match(error, { outcome, cause: { code } }, `${outcome}, ${code}`)
}

process.on('uncaughtException', (error) => t.fail('an uncaught exception', { error }))
process.on('unhandledRejection', (error) => t.fail('an unhandled rejection', { error }))

t.test('a server that falls silent', async (t) => {
  const { url } = await testDatabase(t)
  const wire = await countingProxy(t, url)
  for (const prepare of ['auto', 'off'] as const) {
    // A pooler's client waits for the answer to `begin` before anything else leaves.
    const isPipelined = prepare === 'auto' && !isPooled
    const forms: Record<string, [(db: Database) => PromiseLike<unknown>, 'none' | 'unknown']> = {
      returned: [(db) => db.asUser('alice', one), isPipelined ? 'unknown' : 'none'],
      awaited: [(db) => db.asUser('alice', async (sql) => await one(sql)), 'none'],
      statement: [(db) => db.statement(one), 'unknown'],
    }
    const db = open(t, wire.url, { prepare, statementTimeoutMs: 500 })
    for (const [run, outcome] of Object.values(forms)) {
      await run(db)
      wire.silence(true)
      // Behind a pooler that cannot be told from a pooler without a connection to give.
      const mayWait = isPooled || prepare === 'off'
      const code = mayWait ? /^CONNECTION_(SILENT|CLOSED|WAIT)$/ : /^CONNECTION_(SILENT|CLOSED)$/
      await unavailable(t, run(db), outcome, code)
      wire.silence(false)
      t.same(await db.asUser('alice', one), [{ one: 1 }], 'the pool serves again, on another connection')
    }
  }
})

t.test('work that never ends', async (t) => {
  const { url } = await testDatabase(t)
  const db = open(t, url, { statementTimeoutMs: 500 })
  const forever = () => new Promise<never>(() => {})
  await unavailable(t, db.asUser('alice', forever), 'none', 'CONNECTION_SILENT')
  const idle = async (sql: Sql) => {
    await one(sql)
    await forever()
  }
  await unavailable(t, db.asUser('alice', idle), 'none', 'CONNECTION_SILENT')
  t.same(await db.asUser('alice', one), [{ one: 1 }], 'the pool serves again')
})

t.test('the limits of the server', async (t) => {
  const { url, superuserUrl } = await testDatabase(t)
  const root = postgres(superuserUrl, { max: 1 })
  t.teardown(() => root.end())
  for (const prepare of ['auto', 'off'] as const) {
    const db = open(t, url, { prepare, statementTimeoutMs: 600 })
    await unavailable(
      t,
      db.asUser('alice', (sql) => sql`select pg_sleep(60)`),
      'none',
      '57014',
    )
    await root.begin(async (other) => {
      await other`lock table colloquy.conversations`
      await unavailable(
        t,
        db.asUser('alice', (sql) => sql`select title from colloquy.conversations`),
        'none',
        '55P03',
      )
    })
    t.same(await db.asUser('alice', one), [{ one: 1 }], `prepare ${prepare}: the pool serves again`)
  }
})

t.test('a pool with no connection free', async (t) => {
  const { url } = await testDatabase(t)
  const db = open(t, url, { acquireTimeoutMs: 1_000 })
  const pid = (sql: Sql) => sql<[{ pid: number }]>`select pg_backend_pid() as pid`
  const [before] = await db.asUser('alice', pid)
  await db.asUser('alice', async (sql) => {
    await unavailable(t, db.asUser('alice', one), 'none', 'CONNECTION_WAIT')
    await unavailable(t, db.statement(one), 'none', 'CONNECTION_WAIT')
    await one(sql)
  })
  t.same(await db.asUser('alice', pid), [before], 'the connection is served again, to one who still waits')
})

t.test('a server that does not let anyone in', async (t) => {
  const { url, superuserUrl } = await testDatabase(t)
  const wire = await countingProxy(t, url)
  const db = open(t, wire.url, { acquireTimeoutMs: 2_000, max: 2 })
  wire.silence(true)
  await Promise.all(
    Array.from({ length: 5 }, () =>
      t.rejects(db.asUser('alice', one), DatabaseUnavailable, 'accepts the connection and never says a word'),
    ),
  )
  wire.silence(false)
  // Connections that were being opened in the silence may still fail those who ask now.
  for (let attempt = 0; attempt < 2; attempt += 1) await db.asUser('alice', one).catch(() => {})
  t.same(
    await Promise.all([db.asUser('alice', one), db.asUser('alice', one)]),
    [[{ one: 1 }], [{ one: 1 }]],
    'no place in the pool was lost',
  )

  const closing = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => closing.listen(0, '127.0.0.1', resolve))
  const { port } = closing.address() as { port: number }
  const hungUp = open(t, `postgres://u:p@127.0.0.1:${port}/db`)
  await t.rejects(hungUp.asUser('alice', one), DatabaseUnavailable, 'hangs up')
  await new Promise((resolve) => closing.close(resolve))
  await unavailable(t, hungUp.asUser('alice', one), 'none', 'ECONNREFUSED')

  const nowhere = open(t, 'postgres://u:p@nowhere.invalid/db')
  await t.rejects(nowhere.asUser('alice', one), DatabaseUnavailable, 'has no address')
  const unknown = open(t, new URL('/unknown', superuserUrl).href)
  await unavailable(t, unknown.asUser('alice', one), 'none', '3D000')

  const { port: own } = new URL(url)
  const several = open(t, url.replace(`127.0.0.1:${own}`, `127.0.0.1:${port},127.0.0.1:${own}`))
  t.same(await several.asUser('alice', one), [{ one: 1 }], 'the next host is tried at once')
})

t.test('a server that restarts', async (t) => {
  const dataDir = await initialisedFolder(t)
  const first = await startEmbedded({ dataDir, settings: hasty })
  const wire = await countingProxy(t, first.url)
  const db = open(t, wire.url, { max: 4 })
  const all = () => Promise.all(Array.from({ length: 8 }, () => db.asLogin(one)))
  await all()
  const cutOff = t.rejects(
    db.asLogin((sql) => sql`select pg_sleep(60)`),
    DatabaseUnavailable,
    'what is under way fails',
  )
  await db.asLogin(one)
  await first.stop()
  await cutOff
  for (let attempt = 0; attempt < 6; attempt += 1)
    await t.rejects(db.asLogin(one), DatabaseUnavailable, `attempt ${attempt} is refused`)
  const second = await startEmbedded({ dataDir, settings: hasty })
  t.teardown(() => second.stop())
  wire.redirect(second.url)
  t.equal((await all()).length, 8, 'it serves again')
})
