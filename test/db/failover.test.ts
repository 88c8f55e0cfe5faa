import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { connect } from '../../src/db/connect.js'
import type { Database, Sql } from '../../src/db/database.js'
import { migrate } from '../../src/db/migrate.js'
import { type Answer, testApp } from '../helpers/app.js'
import { gatedModel, until } from '../helpers/models.js'
import { runColloquy, startServer } from '../helpers/server.js'
import { replicated } from '../helpers/standby.js'
import { SECRET } from '../helpers/tokens.js'

process.on('uncaughtException', (error) => t.fail('an uncaught exception', { error }))
process.on('unhandledRejection', (error) => t.fail('an unhandled rejection', { error }))
t.setTimeout(240_000)

const open = (t: Test, url: string): Database => {
  const db = connect({ url, max: 3, prepare: 'auto' })
  t.teardown(() => db.close(0))
  return db
}
const isStandby = (sql: Sql) => sql<[{ is_standby: boolean }]>`select pg_is_in_recovery() as is_standby`

t.test('a URL of several hosts leads to the one that can be written', async (t) => {
  const { url, standby } = await replicated(t)
  const orders = ['primary first', 'standby first'] as const
  for (const attributes of [
    '',
    '?target_session_attrs=read-write',
    '?target_session_attrs=primary',
    '?target_session_attrs=any',
    '?target_session_attrs=prefer-standby',
  ]) {
    for (const order of orders) {
      for (const prepare of ['auto', 'off'] as const) {
        const db = connect({ url: `${url(order)}${attributes}`, max: 2, prepare })
        const found = await db.asUser('alice', isStandby).finally(() => db.close(0))
        t.same(
          found,
          [{ is_standby: false }],
          `${order}, ${attributes || 'without attributes'}, prepare ${prepare}`,
        )
      }
    }
  }
  const env = { DATABASE_URL: url('standby first'), BETTER_AUTH_SECRET: SECRET }
  t.same(await migrate(url('standby first')), [], 'the primary needs no migration')
  const migrated = { code: 0, stdout: 'The database was up to date.\n' }
  t.match(await runColloquy(['migrate'], { env }), migrated, 'migrate finds the primary')
  const checked = { code: 0, stdout: /^ok {4}database: / }
  t.match(await runColloquy(['doctor'], { env }), checked, 'doctor finds the primary')
  const server = await startServer(t, { env })
  t.equal((await fetch(`${server.url}/health/ready`)).status, 200, 'serve finds the primary')

  const alone = open(t, standby.url)
  const cause = { code: 'CONNECTION_READ_ONLY', message: 'the server is a read-only standby' }
  const refusal = { name: 'DatabaseUnavailable', outcome: 'none', cause }
  await t.rejects(alone.asUser('alice', isStandby), refusal, 'a standby alone does not serve')
  await t.rejects(migrate(standby.url), { cause: { code: 'CONNECTION_READ_ONLY' } }, 'migrate refuses it')
  const doctor = await runColloquy(['doctor'], { env: { ...env, DATABASE_URL: standby.url } })
  const stdout = /^FAIL {2}database: at DATABASE_URL: .*the server is a read-only standby\n/
  t.match(doctor, { code: 1, stdout }, 'doctor names the standby')
})

/** The primary goes: it is told to take no writes while its connections live on, or it is killed. */
const goes = ['is fenced', 'is killed'] as const

for (const way of goes) {
  t.test(`failover: the primary ${way}, and nothing that was acknowledged is lost`, async (t) => {
    const { url, onPrimary, onStandby, killPrimary, promote } = await replicated(t)
    const gated = gatedModel()
    const apps = [
      await testApp(t, { databaseUrl: url('standby first') }),
      await testApp(t, { databaseUrl: url('primary first') }),
    ] as const
    // However long a busy machine takes for the failover, the answer is tried for longer.
    const waiting = await testApp(t, {
      databaseUrl: url('primary first'),
      model: gated.model,
      limits: { turnTimeoutMs: 90_000 },
    })

    const acknowledged: string[] = []
    const refused: Answer[] = []
    let isOver = false
    const client = async (lane: number) => {
      for (let round = 0; !isOver; round += 1) {
        const message = `message ${round} of ${lane}`
        const app = apps[lane % 2 === 0 ? 0 : 1]
        const answer = await app.call('POST', '/api/alice/chat', { body: { message } })
        if (answer.status === 200) acknowledged.push(message)
        else refused.push(answer)
        await sleep(10)
      }
    }
    const clients = Promise.all([0, 1, 2, 3].map(client))
    const held = waiting.call('POST', '/api/alice/chat', { body: { message: 'worth money' } })
    await until(() => gated.working() === 1 && acknowledged.length > 8)

    if (way === 'is fenced') {
      await onPrimary.unsafe('alter system set default_transaction_read_only = on')
      await onPrimary`select pg_reload_conf()`
    } else await killPrimary()
    gated.open()
    await until(() => refused.length > 2)
    const ready = await apps[0].call('GET', '/health/ready')
    t.match(
      ready,
      { status: 503, body: { code: 'database-unavailable' } },
      'no instance is ready while nothing can be written',
    )
    await promote()
    await until(async () => (await apps[0].call('GET', '/health/ready')).status === 200)
    await until(async () => (await apps[1].call('GET', '/health/ready')).status === 200)
    const before = acknowledged.length
    await until(() => acknowledged.length > before + 8)
    isOver = true
    await clients

    t.match(
      await held,
      { status: 200, body: { response: 'so far: worth money' } },
      'a finished answer is stored on the new primary',
    )
    const kinds = refused.map(
      ({ status, body, headers }) => `${status} ${body.code} ${headers.get('retry-after')}`,
    )
    t.same([...new Set(kinds)], ['503 database-unavailable 1'], 'all that was refused may be tried again')
    const rows = await onStandby<{ content: string }[]>`
      select content from colloquy.messages where role = 'user' and user_id = 'alice'`
    const stored = new Set(rows.map(({ content }) => content))
    t.same(
      [...acknowledged, 'worth money'].filter((message) => !stored.has(message)),
      [],
      'all is on the new primary',
    )
    t.comment(`${acknowledged.length} acknowledged, ${refused.length} refused`)
  })
}
