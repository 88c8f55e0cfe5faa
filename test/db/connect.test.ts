import postgres from 'postgres'
import t, { type Test } from 'tap'
import { connect, DatabaseUnavailable } from '../../src/db/connect.js'
import type { Sql } from '../../src/db/database.js'
import { readTarget } from '../../src/db/pooler.js'
import { testDatabase } from '../helpers/database.js'
import { countingProxy } from '../helpers/wire.js'

type Options = Partial<Parameters<typeof connect>[0]>

const setUp = async (
  t: Test,
  { login = 'owner', ...options }: Options & { login?: 'owner' | 'superuser' } = {},
) => {
  const { url, superuserUrl } = await testDatabase(t, { login })
  const wire = await countingProxy(t, url)
  const db = connect({ url: wire.url, max: 1, prepare: 'auto', ...options })
  t.teardown(() => db.close())
  const root = postgres(superuserUrl, { max: 1 })
  t.teardown(() => root.end())
  return {
    db,
    wire,
    root,
    titles: async () =>
      (await root<{ title: string }[]>`select title from colloquy.conversations order by title`).map(
        ({ title }) => title,
      ),
  }
}

const insert = (sql: Sql, title: string) => sql<{ title: string }[]>`
  insert into colloquy.conversations
    (user_id, id, title, message_count, created_at, updated_at, last_turn_at)
  values ('alice', gen_random_uuid(), ${title}, 0, now(), now(), now())
  returning title`

process.on('unhandledRejection', (error) => t.fail('an unhandled rejection', { error }))

t.test('what a warm connection costs in round trips', async (t) => {
  const costs = {
    auto: { returned: 1, awaited: 2, two: 1, 'two awaited': 3, statement: 1 },
    off: { returned: 5, awaited: 5, two: 7, 'two awaited': 7, statement: 2 },
  }
  for (const prepare of ['auto', 'off'] as const) {
    const { db, wire } = await setUp(t, { prepare })
    const read = (sql: Sql) => sql`select title from colloquy.conversations where title = ${'x'}`
    const forms: Record<keyof (typeof costs)['auto'], () => Promise<unknown>> = {
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
  const { db } = await setUp(t)
  await db.asUser('alice', (sql) => insert(sql, "alice's"))
  const titles = (sql: Sql) => sql<{ title: string }[]>`select title from colloquy.conversations`
  t.same(await db.asUser('alice', titles), [{ title: "alice's" }])
  t.same(await db.asUser('bob', titles), [])
  t.same(await db.asLogin(titles), [])
  t.same(await db.statement(titles), [])
  const [roles] = await db.asLogin((sql) => sql`select current_user as runs, session_user as login`)
  t.same(roles, { runs: 'colloquy_owner', login: 'colloquy_owner' })
})

t.test('values travel as the contract has them', async (t) => {
  const { db } = await setUp(t)
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
  t.same(row, {
    at: '2026-11-21T09:30:00.125Z',
    json: { a: [1] },
    is_in: true,
    texts: ['say "hi"', 'a\\b', '{c,d}', null],
    ids: ['019aa5e4-0000-7000-8000-000000000000'],
    nothing: [],
  })
})

t.test('a transaction that fails writes nothing, says why, and harms no other', async (t) => {
  const { db, titles } = await setUp(t)
  const failures: Record<
    string,
    [(sql: Sql) => PromiseLike<unknown>, { code: string } | { message: string }]
  > = {
    'throws at once': [
      (sql) => {
        insert(sql, 'x').execute()
        throw new Error('mine')
      },
      { message: 'mine' },
    ],
    throws: [(sql) => insert(sql, 'x').then(() => Promise.reject(new Error('mine'))), { message: 'mine' }],
    'fails in the flight of the commit': [
      (sql) => {
        insert(sql, 'x').execute()
        return sql`select 1 / 0`
      },
      { code: '22012' },
    ],
    'catches a failure and goes on': [
      async (sql) => {
        await sql`select 1 / 0`.catch(() => {})
        await insert(sql, 'x')
      },
      { code: '22012' },
    ],
    'catches a failure at the end': [
      async (sql) => {
        await insert(sql, 'x')
        await sql`select 1 / 0`.catch(() => {})
      },
      { code: '22012' },
    ],
    'leaves a failure behind': [
      async (sql) => {
        insert(sql, 'x').execute()
        sql`select 1 / 0`.execute()
      },
      { code: '22012' },
    ],
    // The driver blames another statement for these two and loses count of the answers.
    'hands in undefined': [
      (sql) => {
        insert(sql, 'x').execute()
        return insert(sql, undefined as unknown as string)
      },
      { code: 'UNDEFINED_VALUE' },
    ],
    'leaves undefined behind': [
      async (sql) => {
        insert(sql, undefined as unknown as string).execute()
        insert(sql, 'x').execute()
      },
      { code: 'UNDEFINED_VALUE' },
    ],
  }
  for (const [name, [work, expected]] of Object.entries(failures)) {
    for (const temperature of ['cold', 'warm']) {
      await t.rejects(db.asUser('alice', work), expected, `${name}, ${temperature}`)
      t.same(await db.asUser('alice', (sql) => sql`select 1 as one`), [{ one: 1 }])
      await db.asUser('bob', (sql) => sql`select 1 as one`)
    }
  }
  t.same(await titles(), [])
})

t.test('a statement that outlives its transaction is refused', async (t) => {
  const { db, titles } = await setUp(t)
  const leaked: Sql[] = []
  const early: PromiseLike<unknown>[] = []
  const leak = async (sql: Sql) => {
    leaked.push(sql)
    early.push(insert(sql, 'made early'))
    await sql`select 1`
  }
  await db.asUser('alice', leak)
  await db.asLogin(leak)
  await t.rejects(db.asUser('alice', (sql) => leak(sql).then(() => Promise.reject(new Error('mine')))))
  await db.statement((sql) => {
    leaked.push(sql)
    return sql`select 1`
  })
  await db.asUser('alice', async (sql) => {
    for (const other of leaked) await t.rejects(insert(other, 'leaked'), /has ended/)
    for (const statement of early) await t.rejects(Promise.resolve(statement), /has ended/)
    for (const other of leaked) insert(other, 'leaked and left').execute()
    await sql`select 1`
  })
  t.same(await titles(), [])
})

t.test('a begin that fails on a living connection lets nothing through', async (t) => {
  for (const login of ['owner', 'superuser'] as const) {
    for (const prepare of ['auto', 'off'] as const) {
      const { db, wire, titles } = await setUp(t, { login, prepare })
      await db.asUser('alice', (sql) => insert(sql, 'before'))
      wire.tamper((data) => Buffer.from(data.toString('latin1').replace('begin', 'bogus'), 'latin1'))
      await t.rejects(
        db.asUser('alice', (sql) => insert(sql, 'outside')),
        { code: '42601' },
        `${login}, prepare ${prepare}, returned`,
      )
      await t.rejects(
        db.asUser('alice', async (sql) => {
          await insert(sql, 'outside').catch(() => {})
        }),
        { code: '42601' },
        `${login}, prepare ${prepare}, awaited`,
      )
      wire.tamper(undefined)
      t.same(await titles(), ['before'])
    }
  }
})

t.test('a statement that the driver repeats after the rollback writes nothing', async (t) => {
  for (const login of ['owner', 'superuser'] as const) {
    const { db, root, titles } = await setUp(t, { login })
    const work = (sql: Sql) => insert(sql, 'kept')
    const outdates = {
      'a migration ran': () => root`alter table colloquy.conversations alter title type varchar`,
      'a pooler forgot': () => db.asLogin((sql) => sql`deallocate all`.simple()),
    }
    for (const [why, outdate] of Object.entries(outdates)) {
      const before = await titles()
      await db.asUser('alice', work)
      await outdate()
      const error = await db.asUser('alice', work).catch((error: unknown) => error)
      t.type(error, DatabaseUnavailable, `${login}, ${why}`)
      t.equal((error as DatabaseUnavailable).outcome, 'none')
      await db.asUser('alice', work)
      t.same(await titles(), [...before, 'kept', 'kept'])
    }
  }
})

t.test('limits are set where the server takes them', async (t) => {
  for (const prepare of ['auto', 'off'] as const) {
    const { db } = await setUp(t, { prepare, statementTimeoutMs: 12_000 })
    const limits = (sql: Sql) => sql`
      select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
        current_setting('idle_in_transaction_session_timeout') as idle`
    const expected = [{ statement: '12s', lock: '4s', idle: '12s' }]
    t.same(await db.asUser('alice', limits), expected)
    t.same(await db.asLogin(limits), expected)
  }
})

t.test('a notice goes to the hook and nowhere else', async (t) => {
  const notices: unknown[] = []
  const { db } = await setUp(t, { onNotice: ({ message }) => notices.push(message) })
  await db.asLogin((sql) => sql`do $$ begin raise notice 'hello'; end $$`)
  t.same(notices, ['hello'])
})

t.test('close waits for what is under way and refuses the rest', async (t) => {
  const { db } = await setUp(t)
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
  )
  const closed = db.close()
  await waiting
  await t.rejects(
    db.statement((sql) => sql`select 1`),
    DatabaseUnavailable,
  )
  goOn()
  t.same(await running, [{ two: 2 }])
  await closed
  await db.close()
})

t.test('close breaks what does not end in time', async (t) => {
  const { db } = await setUp(t)
  const running = t.rejects(
    db.asUser('alice', (sql) => sql`select pg_sleep(60)`),
    DatabaseUnavailable,
  )
  await db.close(50)
  await running
})

t.test('a pooler shows in the URL', async (t) => {
  const read = (url: string, prepare: 'auto' | 'on' | 'off' = 'auto') => {
    const { isPooled, prepare: prepares } = readTarget(url, prepare)
    return { isPooled, prepares }
  }
  const pooled = { isPooled: true, prepares: false }
  t.same(read('postgres://u:p@ep-cool-1-pooler.eu-central-1.aws.neon.tech/db?sslmode=require'), pooled)
  t.same(read('postgres://u:p@localhost:6432/db'), pooled)
  t.same(read('postgres://u:p@aws-0.pooler.supabase.com:6543/db'), pooled)
  t.same(read('postgres://u:p@localhost/db?pgbouncer=true'), pooled)
  t.same(read('postgres://u:p@localhost/db', 'off'), pooled)
  t.same(read('postgres://u:p@localhost:6432/db', 'on'), { isPooled: true, prepares: true })
  const direct = { isPooled: false, prepares: true }
  t.same(read('postgres://u:p@ep-cool-1.eu-central-1.aws.neon.tech/db?sslmode=require'), direct)
  t.same(read('postgres://u:p@localhost:5432/db'), direct)
  const { url, hosts } = readTarget(
    'postgresql://u:p@a,b:5433/db?sslmode=require&channel_binding=require&connect_timeout=3&schema=x',
    'auto',
  )
  t.equal(url, 'postgresql://u:p@a,b:5433/db?sslmode=require')
  t.same(hosts, [
    { host: 'a', port: 5432 },
    { host: 'b', port: 5433 },
  ])
})
