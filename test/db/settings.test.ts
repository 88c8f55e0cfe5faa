import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import t from 'tap'
import { checkSettings } from '../../src/db/settings.js'
import { type Call, type Json, type TestApp, testApp } from '../helpers/app.js'
import { isPooled, testDatabase } from '../helpers/database.js'
import { until } from '../helpers/models.js'
import { missingPoolerReason, open, pooled } from '../helpers/pooler.js'
import { runColloquy } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'

t.setTimeout(240_000)

/**
 * What an operator, or another program, may have set for a database; each would change what the program does. Those of
 * a group are set together, and none hides what another does.
 */
const hostile: Record<string, string>[] = [
  {
    default_transaction_isolation: 'serializable',
    default_transaction_deferrable: 'on',
    TimeZone: 'Asia/Kathmandu',
    IntervalStyle: 'sql_standard',
    extra_float_digits: '-15',
    jit_above_cost: '0',
  },
  {
    default_transaction_isolation: 'repeatable read',
    DateStyle: 'SQL, DMY',
    bytea_output: 'escape',
    array_nulls: 'off',
    plan_cache_mode: 'force_custom_plan',
    quote_all_identifiers: 'on',
  },
  { search_path: 'hostile, pg_catalog', transform_null_equals: 'on', client_encoding: 'LATIN1' },
  { row_security: 'off', standard_conforming_strings: 'off', 'plpgsql.extra_errors': 'all' },
  { idle_session_timeout: '50', synchronous_commit: 'off', exit_on_error: 'on' },
  { idle_in_transaction_session_timeout: '1' },
  { statement_timeout: '1' },
  { lock_timeout: '1' },
]

/** Functions that take the place of the system's where the path has theirs first. */
const shadows = `
  create schema hostile;
  grant usage on schema hostile to public;
  create function hostile.now() returns timestamptz language sql as $$ select timestamptz '1999-01-01' $$;
  create function hostile.gen_random_uuid() returns uuid language sql as $$ select null::uuid $$;
  create function hostile.length(text) returns integer language sql as $$ select 0 $$;
  create function hostile.sum_of(integer, integer) returns integer language sql as $$ select 0 $$;
  create operator hostile.+ (leftarg = integer, rightarg = integer, function = hostile.sum_of);`

/** A user's afternoon; gives what differs from what it has to be. */
const scenario = async (app: TestApp, user: string): Promise<string[]> => {
  const path = `/api/${user}`
  const call = (method: string, rest: string, options: Call = {}) =>
    app.call(method, `${path}${rest}`, { user, ...options })
  const { conversation_id } = await app.chat('Grüße, 你好 🙂 \\n "quoted" \'s', { user })
  const sent = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      call('POST', '/chat', {
        body: { message: `at once ${i}`, conversation_id },
        headers: { 'idempotency-key': `key-${i}` },
      }),
    ),
  )
  // Longer than an idle connection would live.
  await sleep(100)
  const again = await call('POST', '/chat', {
    body: { message: 'at once 3', conversation_id },
    headers: { 'idempotency-key': 'key-3' },
  })
  const patched = await call('PATCH', `/conversations/${conversation_id}`, {
    body: { metadata: { a: 'b' } },
  })
  const messages = await call('GET', `/conversations/${conversation_id}/messages?limit=100`)
  const usage = await call('GET', '/usage')
  const list = await call('GET', '/conversations')
  const answers = [...sent, again, patched, messages, usage, list]
  const recent = (time: string) => Math.abs(Date.now() - Date.parse(time)) < 600_000
  const data: Json[] = messages.body?.data ?? []
  const checks: Record<string, boolean> = {
    [`statuses ${answers.map(({ status }) => status)}`]: answers.every(({ status }) => status === 200),
    'the key is found again': again.body?.turn_id === sent[3]?.body?.turn_id,
    'no positions are missing':
      data.map(({ position }) => position).join() === Array.from({ length: 18 }, (_, i) => i + 1).join(),
    'the text is as it was sent': data[0]?.content === 'Grüße, 你好 🙂 \\n "quoted" \'s',
    'times are of today, in UTC': data.every(({ created_at }) => /Z$/.test(created_at) && recent(created_at)),
    'usage counts every turn, on its day': usage.body?.data?.length === 1 && usage.body.data[0].turns === 9,
  }
  return Object.entries(checks).flatMap(([name, holds]) => (holds ? [] : [name]))
}

t.test(
  'settings of the database change nothing',
  { skip: isPooled && 'through a pooler a single statement has those of the server; doctor names them' },
  async (t) => {
    const app = await testApp(t, { limits: { busyWaitMs: 60_000 } })
    const root = postgres(app.superuserUrl, { max: 1, onnotice: () => {} })
    t.teardown(() => root.end())
    const database = new URL(app.superuserUrl).pathname.slice(1)
    await root.unsafe(shadows)
    const others = () => root`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`
    t.same(await scenario(app, 'nobody-special'), [], 'as they come')
    for (const [n, group] of hostile.entries()) {
      for (const [name, value] of Object.entries(group)) {
        const list = name === 'search_path' ? value : `'${value}'`
        await root.unsafe(`alter database ${database} set ${name} = ${list}`)
      }
      // New connections have it.
      await until(async () => (await others()).count === 0)
      const faults = await scenario(app, `user-${n}`).catch((error: Error) => [error.message])
      t.same(faults, [], JSON.stringify(group))
      await root.unsafe(`alter database ${database} reset all`)
    }
  },
)

t.test(
  'acknowledged is durable: synchronous_commit is never off, and is not lowered',
  { skip: isPooled && 'a single statement has that of the server; doctor names it' },
  async (t) => {
    const { superuserUrl } = await testDatabase(t)
    const root = postgres(superuserUrl, { max: 1 })
    t.teardown(() => root.end())
    const database = new URL(superuserUrl).pathname.slice(1)
    // Since PostgreSQL 17; it cannot be asked for at the start of a connection to an older one.
    const [limit] = await root`select from pg_settings where name = 'transaction_timeout'`
    if (limit) await root.unsafe(`alter database ${database} set transaction_timeout = '20s'`)
    for (const [set, found] of [
      ['off', 'on'],
      ['remote_apply', 'remote_apply'],
    ] as const) {
      await root.unsafe(`alter database ${database} set synchronous_commit = ${set}`)
      const other = open(t, superuserUrl)
      const rows = await other.asUser(
        'alice',
        (sql) => sql`
          select current_setting('synchronous_commit') as commit,
            coalesce(current_setting('transaction_timeout', true), '0') as limit`,
      )
      t.same(rows, [{ commit: found, limit: '0' }], `${set}: commits are durable, and no other limit holds`)
    }
  },
)

t.test(
  'through a pooler: transactions set what they need, and doctor names the rest',
  { skip: missingPoolerReason },
  async (t) => {
    const { url, root } = await pooled(t)
    const database = new URL(url).pathname.slice(1)
    const set = [
      ['default_transaction_isolation', 'serializable'],
      ['row_security', 'off'],
      ['array_nulls', 'off'],
      ['bytea_output', 'escape'],
    ] as const
    const ok = { code: 0, stdout: /^ok {4}settings: as required$/m }
    const doctor = () => runColloquy(['doctor'], { env: { DATABASE_URL: url, BETTER_AUTH_SECRET: SECRET } })
    t.match(await doctor(), ok, 'before them, doctor finds none')
    for (const [name, value] of set) await root.unsafe(`alter database ${database} set ${name} = '${value}'`)
    await root`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`
    const db = open(t, url)
    for (const [name, value] of set) {
      const shown = name.replace('default_', '')
      const rows = await db
        .asUser('alice', (sql) => sql`select current_setting(${shown}) as value`)
        .catch(() => db.asUser('alice', (sql) => sql`select current_setting(${shown}) as value`))
      t.not((rows as Json)[0].value, value, `${shown} inside a transaction`)
    }
    t.same(
      (await checkSettings(db)).map(({ issue }) => issue.split(' ')[0]).sort(),
      set.map(([name]) => name).sort(),
      'each of them is named',
    )
    const seen = await doctor()
    const stdout =
      /^FAIL {2}settings: .*row_security is off, and has to be on: alter role "colloquy_owner" set row_security = 'on';/m
    t.match(seen, { code: 1, stdout }, 'doctor says what to do')
    const mends = [...seen.stdout.matchAll(/alter role "\w+" set \w+ = '[^']*';/g)].map(([mend]) => mend)
    for (const mend of mends) await root.unsafe(mend.replace(' set ', ` in database ${database} set `))
    await root`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`
    t.match(await doctor(), ok, 'what it says mends it')
  },
)
