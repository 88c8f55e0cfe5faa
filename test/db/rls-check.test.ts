import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import t from 'tap'
import { connect } from '../../src/db/connect.js'
import { migrate } from '../../src/db/migrate.js'
import { checkRls } from '../../src/db/rls-check.js'
import { pruneIdempotencyKeys } from '../../src/turns/store/prune-idempotency-keys.js'
import { syncAttempts } from '../../src/turns/store/sync-attempts.js'
import { testApp } from '../helpers/app.js'
import { testCluster } from '../helpers/cluster.js'
import { type DatabaseOptions, testDatabase } from '../helpers/database.js'

type Test = Parameters<typeof testDatabase>[0]

const open = (t: Test, url: string) => {
  const db = connect({ url, max: 1, prepare: 'off' })
  t.teardown(() => db.close())
  return db
}
const administrator = (t: Test, url: string) => {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  return sql
}

t.test('every kind of login is bound once the database is migrated', async (t) => {
  const logins: DatabaseOptions[] = [{ login: 'owner' }, { login: 'superuser' }]
  for (const options of logins) {
    const { url } = await testDatabase(t, options)
    t.same(await checkRls(open(t, url)), [], options.login ?? '')
  }
  const { url } = await testDatabase(t, { login: 'plain', migrated: false })
  await migrate(url)
  t.same(await checkRls(open(t, url)), [], 'an owner who may not create roles')
})

t.test('every table that has a user_id has forced row-level security', async (t) => {
  const { url, superuserUrl } = await testDatabase(t)
  const sql = administrator(t, superuserUrl)
  const tables = ['conversations', 'messages', 'turns']
  for (const table of tables) {
    await sql`alter table ${sql(`colloquy.${table}`)} no force row level security`
  }
  await sql`create table colloquy.forgotten (user_id text)`
  const findings = await checkRls(open(t, url))
  t.same(
    findings.map(({ issue }) => /colloquy\.(\w+)/.exec(issue)?.[1]),
    ['conversations', 'forgotten', 'messages', 'turns', undefined],
    'and the one that was forgotten is not granted either',
  )
})

t.test(
  'a login that bypasses row-level security and cannot switch: refused, and the SQL mends it',
  async (t) => {
    const { url } = await testCluster(t)
    const sql = administrator(t, url)
    // As an ordinary owner migrates, who may not create roles; then somebody gives the login too much.
    await sql`create role strong login password 'strong'`
    await sql`create database app owner strong`
    const login = new URL(url)
    Object.assign(login, { username: 'strong', password: 'strong', pathname: '/app' })
    await migrate(login.href)
    await sql`alter role strong bypassrls`

    const findings = await checkRls(open(t, login.href))
    t.match(findings, [{ issue: /strong bypasses row-level security/ }], 'the login is named')
    const db = open(t, login.href)
    await t.rejects(
      db.asUser('alice', (sql) => sql`select 1`),
      { code: '42501' },
      'and no statement of a user gets through',
    )
    const inApp = administrator(t, new URL('/app', url).href.replace('/postgres?', '/app?'))
    await inApp.unsafe(findings[0]?.fix ?? '')
    t.same(await checkRls(open(t, login.href)), [], 'the login is bound')
    await sql`alter role colloquy_app bypassrls`
    t.match(await checkRls(open(t, login.href)), [{ issue: /colloquy_app bypasses/ }], 'the role is named')
  },
)

t.test("somebody else's policy that lets more through is found", async (t) => {
  const { url, superuserUrl } = await testDatabase(t)
  const sql = administrator(t, superuserUrl)
  await sql`create policy narrower on colloquy.turns as restrictive using (true)`
  t.same(await checkRls(open(t, url)), [], 'one that lets less through is none of our business')
  await sql`create policy leak on colloquy.messages using (true)`
  t.match(await checkRls(open(t, url)), [{ issue: /colloquy\.messages: leak\.$/ }], 'the policy is named')
  t.equal((await checkRls(open(t, url))).length, 1, 'no other is')
})

/** What fits our calls better than PostgreSQL's own, and writes down who called it. */
const spies = `
  create table public.seen (what text, who text);
  grant insert on public.seen to public;
  create function public.json_build_object(a text, b text, c text, d text, e text, f integer, g text, h integer)
  returns json language plpgsql as $$
    begin
      insert into public.seen values ('json_build_object', current_user);
      return pg_catalog.json_build_object(a, b, c, d, e, f, g, h);
    end $$;
  create function public.times(a integer, b interval) returns interval language plpgsql as $$
    begin
      insert into public.seen values ('*', current_user);
      return b operator(pg_catalog.*) a::double precision;
    end $$;
  create operator public.* (leftarg = integer, rightarg = interval, function = public.times);
  create function public.array_to_string(a name[], b text) returns text language plpgsql as $$
    begin insert into public.seen values ('array_to_string', current_user); return ''; end $$;`

t.test('what another role made in public does not take the place of what our SQL means', async (t) => {
  const { superuserUrl, directUrl } = await testDatabase(t)
  // As behind a pooler, where a connection's own search_path cannot be set.
  const db = connect({ url: directUrl, max: 2, prepare: 'off' })
  const { chat, call } = await testApp(t, { db })
  const sql = administrator(t, superuserUrl)
  const lesser = `lesser_${randomBytes(8).toString('hex')}`
  await sql.unsafe(`create role ${lesser}; grant create on schema public to ${lesser}`)
  t.teardown(() => sql.unsafe(`drop owned by ${lesser} cascade; drop role ${lesser}`))
  await sql.unsafe(`set role ${lesser}; ${spies}; reset role`)
  const seen = async () =>
    (await sql`select distinct what from public.seen order by 1`).map(({ what }) => what)

  const use = async () => {
    const { conversation_id } = await chat('first')
    await chat('second', { conversation_id })
    const list = await call('GET', `/api/alice/conversations/${conversation_id}/messages`)
    t.equal(list.body.data.length, 4, 'all four messages are read')
    // What the program does on its own, in its own time.
    await syncAttempts(db, [], 15_000)
    await pruneIdempotencyKeys(db, 10)
  }
  await use()
  await sql`create policy leak on colloquy.messages using (true)`
  t.match(await checkRls(open(t, superuserUrl)), [{ issue: /leak/ }], 'nothing is hidden from the doctor')
  t.same(await seen(), [], 'no function of the other role is called')

  const definitions = await sql<{ name: string; definition: string }[]>`
    select p.proname as name, pg_get_functiondef(p.oid) as definition
    from pg_catalog.pg_proc p
    where p.pronamespace = 'colloquy'::regnamespace and p.proname in ('act_as', 'begin_turns', 'end_turns')`
  for (const { name, definition } of definitions) {
    const mutated = definition.replace(/perform pg_catalog\.set_config\('search_path'.*;/, '')
    t.not(mutated, definition, `${name} is changed`)
    await sql.unsafe(mutated)
  }
  await use()
  t.same(await seen(), ['*', 'json_build_object'], 'and the test would see it if it did')
})
