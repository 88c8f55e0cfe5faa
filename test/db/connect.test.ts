import t from 'tap'
import { DatabaseUnavailable } from '../../src/db/connect.js'
import { parseConnectionUrl } from '../../src/db/connection-target.js'
import type { Sql } from '../../src/db/database.js'
import { connected, insert } from '../helpers/connected.js'
import { isPooled } from '../helpers/database.js'

process.on('unhandledRejection', (error) => t.fail('an unhandled rejection', { error }))

t.test('what a warm connection costs in round trips', async (t) => {
  const unprepared = { returned: 4, awaited: 4, two: 6, 'two awaited': 6, statement: 2 }
  const prepared = { returned: 1, awaited: 2, two: 1, 'two awaited': 3, statement: 1 }
  const costs = { auto: isPooled ? unprepared : prepared, off: unprepared }
  for (const prepare of ['auto', 'off'] as const) {
    const { db, wire } = await connected(t, { prepare })
    const read = (sql: Sql) => sql`select title from colloquy.conversations where title = ${'x'}`
    const forms: Record<keyof typeof prepared, () => Promise<unknown>> = {
      returned: () => db.asUser('alice', read),
      awaited: () => db.asUser('alice', async (sql) => await read(sql)),
      two: () =>
        db.asUser('alice', (sql) => {
          read(sql).execute()
          return read(sql)
        }),
      'two awaited': () =>
        db.asUser('alice', async (sql) => {
          await read(sql)
          await read(sql)
        }),
      statement: () => db.statement(read),
    }
    for (const [form, run] of Object.entries(forms)) {
      await run()
      wire.reset()
      await run()
      t.equal(wire.roundTrips(), costs[prepare][form as keyof typeof forms], `${form}, prepare ${prepare}`)
    }
  }
})

t.test('asUser acts for its user alone, asLogin and statement for nobody', async (t) => {
  const { db } = await connected(t)
  await db.asUser('alice', (sql) => insert(sql, "alice's"))
  const titles = (sql: Sql) => sql<{ title: string }[]>`select title from colloquy.conversations`
  t.same(await db.asUser('alice', titles), [{ title: "alice's" }], 'a user sees their own rows')
  t.same(await db.asUser('bob', titles), [], 'another user does not')
  t.same(await db.asLogin(titles), [], 'the login does not')
  t.same(await db.statement(titles), [], 'a single statement does not')
  const [roles] = await db.asLogin((sql) => sql`select current_user as runs, session_user as login`)
  t.same(roles, { runs: 'colloquy_owner', login: 'colloquy_owner' }, 'the login acts as itself')
})

t.test('values travel as the contract has them', async (t) => {
  const { db } = await connected(t)
  const [row] = await db.asUser(
    'alice',
    (sql) => sql`
      select ${'2026-11-21T10:30:00.125+01:00'}::timestamptz as at,
        ${sql.json({ a: [1] })}::jsonb as json,
        'b' = any (${['a', 'b']}::text[]) as is_in,
        to_jsonb(${['say "hi"', 'a\\b', '{c,d}', null]}::text[]) as texts,
        to_jsonb(${['019aa5e4-0000-7000-8000-000000000000']}::uuid[]) as ids,
        to_jsonb(${[]}::text[]) as nothing`,
  )
  t.same(
    row,
    {
      at: '2026-11-21T09:30:00.125Z',
      json: { a: [1] },
      is_in: true,
      texts: ['say "hi"', 'a\\b', '{c,d}', null],
      ids: ['019aa5e4-0000-7000-8000-000000000000'],
      nothing: [],
    },
    'each value has its form in the contract',
  )
})

t.test('limits are set where the server takes them', async (t) => {
  for (const prepare of ['auto', 'off'] as const) {
    const { db } = await connected(t, { prepare, statementTimeoutMs: 12_000 })
    const limits = (sql: Sql) => sql`
      select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
        current_setting('idle_in_transaction_session_timeout') as idle`
    const expected = [{ statement: '12s', lock: '4s', idle: '12s' }]
    t.same(await db.asUser('alice', limits), expected, `prepare ${prepare}: for a user`)
    t.same(await db.asLogin(limits), expected, `prepare ${prepare}: for the login`)
  }
})

t.test('a notice goes to the hook and nowhere else', async (t) => {
  const notices: unknown[] = []
  const { db } = await connected(t, { onNotice: ({ message }) => notices.push(message) })
  await db.asLogin((sql) => sql`do $$ begin raise notice 'hello'; end $$`)
  t.same(notices, ['hello'], 'the hook has it once')
})

t.test('close waits for what is under way and refuses the rest', async (t) => {
  const { db } = await connected(t)
  let goOn = () => {}
  const paused = new Promise<void>((resolve) => {
    goOn = resolve
  })
  let isStarted = () => {}
  const started = new Promise<void>((resolve) => {
    isStarted = resolve
  })
  const running = db.asUser('alice', async (sql) => {
    await sql`select 1`
    isStarted()
    await paused
    return await sql`select 2 as two`
  })
  await started
  const waiting = t.rejects(
    db.asUser('alice', (sql) => sql`select 1`),
    DatabaseUnavailable,
    'a waiting transaction is refused',
  )
  const closed = db.close()
  await waiting
  await t.rejects(
    db.statement((sql) => sql`select 1`),
    DatabaseUnavailable,
    'a new statement is refused',
  )
  goOn()
  t.same(await running, [{ two: 2 }], 'the transaction under way ends as it would')
  await closed
  await db.close()
})

t.test('close breaks what does not end in time', async (t) => {
  const { db } = await connected(t)
  const running = t.rejects(
    db.asUser('alice', (sql) => sql`select pg_sleep(60)`),
    DatabaseUnavailable,
    'the long statement fails',
  )
  await db.close(50)
  await running
})

t.test('a pooler shows in the URL', async (t) => {
  const read = (url: string, prepare: 'auto' | 'on' | 'off' = 'auto') => {
    const { isPooled, prepare: prepares } = parseConnectionUrl(url, prepare)
    return { isPooled, prepares }
  }
  const pooled = { isPooled: true, prepares: false }
  const neon = 'eu-central-1.aws.neon.tech/db?sslmode=require'
  t.same(read(`postgres://u:p@ep-cool-1-pooler.${neon}`), pooled, 'the pooler of Neon')
  t.same(read('postgres://u:p@localhost:6432/db'), pooled, 'the port of PgBouncer')
  t.same(read('postgres://u:p@aws-0.pooler.supabase.com:6543/db'), pooled, 'the pooler of Supabase')
  t.same(read('postgres://u:p@localhost/db?pgbouncer=true'), pooled, 'the parameter pgbouncer')
  t.same(read('postgres://u:p@localhost/db', 'off'), pooled, 'no prepared statements')
  const preparing = { isPooled: true, prepares: true }
  t.same(read('postgres://u:p@localhost:6432/db', 'on'), preparing, 'a pooler with prepared statements')
  const direct = { isPooled: false, prepares: true }
  t.same(read(`postgres://u:p@ep-cool-1.${neon}`), direct, 'Neon without its pooler')
  t.same(read('postgres://u:p@localhost:5432/db'), direct, 'the port of PostgreSQL')
  const { url, hosts } = parseConnectionUrl(
    'postgresql://u:p@a,b:5433/db?sslmode=require&channel_binding=require&connect_timeout=3&schema=x',
    'auto',
  )
  t.equal(url, 'postgresql://u:p@a,b:5433/db?sslmode=require', 'the server gets what it knows')
  t.same(
    hosts,
    [
      { host: 'a', port: 5432 },
      { host: 'b', port: 5433 },
    ],
    'each host has its port',
  )
})
