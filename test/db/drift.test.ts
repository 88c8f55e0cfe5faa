import postgres from 'postgres'
import t from 'tap'
import { connect } from '../../src/db/connect.js'
import { findDrift } from '../../src/db/drift.js'
import { migrate } from '../../src/db/migrate.js'
import { type DatabaseOptions, testDatabase } from '../helpers/database.js'

type Test = Parameters<typeof testDatabase>[0]

const setUp = async (t: Test, options?: DatabaseOptions) => {
  const { url, superuserUrl } = await testDatabase(t, options)
  const db = connect({ url, max: 1, prepare: 'off' })
  const sql = postgres(superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => Promise.all([db.close(), sql.end()]))
  return { url, sql, drift: () => findDrift(db) }
}

t.test('a migrated database does not differ, whoever migrated it', async (t) => {
  const logins: DatabaseOptions[] = [
    { login: 'owner', migrated: false },
    { login: 'superuser', migrated: false },
    { login: 'plain', migrated: false },
  ]
  for (const options of logins) {
    const { url, drift } = await setUp(t, options)
    await migrate(url)
    t.same(await drift(), { differences: [], skipped: undefined }, options.login ?? '')
  }
})

t.test('settings of the database that change how definitions are written change nothing', async (t) => {
  const { sql, drift } = await setUp(t)
  await sql.unsafe(`
    do $$ begin
      execute format('alter database %I set intervalstyle = ''iso_8601''', current_database());
      execute format('alter database %I set search_path = colloquy, public', current_database());
      execute format('alter database %I set quote_all_identifiers = on', current_database());
    end $$`)
  t.same((await drift()).differences, [], 'nothing differs')
})

/** Each kind of thing that may be missing, foreign or another, with what is said of it. */
const planted: [statement: string, said: string][] = [
  ['drop table colloquy.usage', 'table usage is missing'],
  ['create table colloquy.audit (user_id text)', "table audit is not Colloquy's"],
  [
    'alter table colloquy.turn_events no force row level security',
    'table turn_events is "row-level security", not "row-level security, forced"',
  ],
  ['alter table colloquy.turns drop column error_code', 'column turns.error_code is missing'],
  ['alter table colloquy.turns add column note text', "column turns.note is not Colloquy's"],
  [
    'alter table colloquy.turns alter column attempt type bigint',
    'column turns.attempt is "bigint not null", not "integer not null"',
  ],
  [
    'alter table colloquy.turns alter column model drop not null',
    'column turns.model is "text", not "text not null"',
  ],
  [
    'alter table colloquy.conversations alter column archived set default true',
    'column conversations.archived is "boolean not null default true", not "boolean not null default false"',
  ],
  [
    'alter table colloquy.turn_events drop constraint turn_events_pkey',
    'constraint turn_events.turn_events_pkey is missing',
  ],
  [
    'alter table colloquy.turns add constraint brief check (length(model) < 100) not valid',
    "constraint turns.brief is not Colloquy's",
  ],
  [
    `alter table colloquy.turns drop constraint turns_user_id_conversation_id_fkey,
      add constraint turns_user_id_conversation_id_fkey
        foreign key (user_id, conversation_id) references colloquy.conversations`,
    'constraint turns.turns_user_id_conversation_id_fkey is ' +
      '"FOREIGN KEY (user_id, conversation_id) REFERENCES colloquy.conversations(user_id, id)", not ' +
      '"FOREIGN KEY (user_id, conversation_id) REFERENCES colloquy.conversations(user_id, id) ON DELETE CASCADE"',
  ],
  ['drop index colloquy.turns_by_conversation', 'index turns_by_conversation is missing'],
  ['create index by_model on colloquy.turns (model)', "index by_model is not Colloquy's"],
  [
    `drop index colloquy.idempotency_keys_by_age;
     create index idempotency_keys_by_age on colloquy.idempotency_keys (created_at desc)`,
    'index idempotency_keys_by_age is ' +
      '"CREATE INDEX idempotency_keys_by_age ON colloquy.idempotency_keys USING btree (created_at DESC)", not ' +
      '"CREATE INDEX idempotency_keys_by_age ON colloquy.idempotency_keys USING btree (created_at)"',
  ],
  ['drop policy acting_user on colloquy.turns', 'policy acting_user on turns is missing'],
  [
    "create policy staff on colloquy.turns using (current_user = 'staff')",
    "policy staff on turns is not Colloquy's",
  ],
  [
    'alter policy acting_user on colloquy.messages using (true)',
    'policy acting_user on messages is "permissive for * to public using true", not ' +
      `"permissive for * to public using (user_id = current_setting('colloquy.user_id'::text, true))"`,
  ],
  [
    'create trigger t before insert on colloquy.turns for each row execute function suppress_redundant_updates_trigger()',
    "trigger t on turns is not Colloquy's",
  ],
  [
    'drop function colloquy.set_title',
    'function set_title(p_user_id text, p_conversation_id uuid, p_title text, p_model text, p_input_tokens integer, p_output_tokens integer, p_cached_input_tokens integer, p_reasoning_tokens integer, p_total_tokens integer, p_cost bigint) is missing',
  ],
  [
    'create function colloquy.extra() returns void language sql return null',
    "function extra() is not Colloquy's",
  ],
  [
    `create or replace function colloquy.clock() returns timestamptz language sql stable as $$ select now() + '1s' $$`,
    'function clock() has another definition',
  ],
  ['alter function colloquy.app_role() security definer', 'function app_role() has another definition'],
  [
    'revoke delete on colloquy.messages from colloquy_app',
    'grant DELETE on messages to colloquy_app is missing',
  ],
  [
    'grant update on colloquy.migrations to colloquy_app',
    "grant UPDATE on migrations to colloquy_app is not Colloquy's",
  ],
  [
    'grant select (title) on colloquy.conversations to colloquy_plain',
    "grant SELECT on conversations.title to colloquy_plain is not Colloquy's",
  ],
  ['grant create on schema colloquy to public', "grant CREATE on the schema to public is not Colloquy's"],
  [
    'grant select on colloquy.turns to colloquy_app with grant option',
    'grant SELECT on turns to colloquy_app is "with grant option", not ""',
  ],
  ["create type colloquy.mood as enum ('good')", "type mood is not Colloquy's"],
  ['create sequence colloquy.numbers', "sequence numbers is not Colloquy's"],
  ['create view colloquy.all_turns as select 1 as n', "view all_turns is not Colloquy's"],
]

t.test('each kind of difference is said, by name, both ways', async (t) => {
  const { sql, drift } = await setUp(t)
  for (const [statement] of planted) await sql.unsafe(statement)
  const { differences } = await drift()
  t.same(differences.toSorted(), planted.map(([, said]) => said).toSorted(), 'each is named, no other')
})

t.test('what a newer program has changed is not compared', async (t) => {
  const { sql, drift } = await setUp(t)
  await sql`create or replace function colloquy.clock() returns timestamptz language sql stable as $$ select 'now'::timestamptz $$`
  await sql`create table colloquy.later (user_id text)`
  t.same(
    (await drift()).differences,
    ['function clock() has another definition', "table later is not Colloquy's"],
    'both differences are found',
  )
  await sql`update colloquy.migrations set functions_checksum = 'newer', functions_program = '99.0.0'`
  t.same(
    await drift(),
    { differences: ["table later is not Colloquy's"], skipped: 'functions' },
    'newer functions are left out',
  )
  await sql`insert into colloquy.migrations (version, name, checksum, oldest_program) values (9998, 'later', '', 1)`
  t.same(await drift(), { differences: [], skipped: 'all' }, 'with newer migrations all is left out')
})
