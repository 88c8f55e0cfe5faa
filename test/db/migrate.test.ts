import { readdir } from 'node:fs/promises'
import postgres from 'postgres'
import t from 'tap'
import { connect } from '../../src/db/connect.js'
import { migrate, pendingMigrations } from '../../src/db/migrate.js'
import { packageRoot } from '../../src/root.js'
import { testDatabase } from '../helpers/database.js'
import { runColloquy } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'

type Test = Parameters<typeof testDatabase>[0]

const superuser = (t: Test, url: string) => {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  return sql
}
const pending = async (t: Test, url: string) => {
  const db = connect({ url, max: 1, prepare: 'off' })
  t.teardown(() => db.close())
  return pendingMigrations(db)
}

t.test(
  'an empty database gets every migration, once, however many programs start at the same moment',
  async (t) => {
    const files = (await readdir(new URL('sql/migrations/', packageRoot))).length
    const { url, superuserUrl } = await testDatabase(t, { migrated: false })
    t.equal((await pending(t, url)).length, files, 'every migration is pending')
    const applied = await Promise.all(Array.from({ length: 5 }, () => migrate(url)))
    t.equal(applied.flat().length, files + 1, 'and its functions')
    const sql = superuser(t, superuserUrl)
    const recorded = await sql`select version, name, checksum from colloquy.migrations`
    t.equal(recorded.length, files, 'each migration is recorded once')
    t.same(await migrate(url), [], 'there is nothing left to do')
    t.same(await pending(t, url), [], 'nothing is pending any more')
  },
)

t.test('a migration and its record are one: what fails leaves nothing', async (t) => {
  const { url, superuserUrl } = await testDatabase(t, { migrated: false })
  const sql = superuser(t, superuserUrl)
  await sql`create schema colloquy`
  await sql`alter schema colloquy owner to colloquy_owner`
  await sql`create table colloquy.messages (in_the_way boolean)`
  await t.rejects(migrate(url), { code: '42P07' }, 'the migration fails')
  t.equal((await sql`select from colloquy.migrations`).length, 0, 'no migration is recorded')
  const tables = await sql`select from pg_tables where schemaname = 'colloquy' and tablename = 'turns'`
  t.equal(tables.length, 0, 'no table is left')
})

t.test('a database that a newer program migrated, or a changed migration, is refused', async (t) => {
  const { url, superuserUrl } = await testDatabase(t)
  const sql = superuser(t, superuserUrl)
  await sql`
    insert into colloquy.migrations (version, name, checksum, oldest_program) values (9998, 'compatible', '', 1)`
  t.same(await pending(t, url), [], 'a newer schema that this program may still use')
  await sql`
    insert into colloquy.migrations (version, name, checksum, oldest_program) values (9999, 'future', '', 9999)`
  await t.rejects(pending(t, url), { message: /newer Colloquy.*9999/ }, 'the check refuses it')
  await t.rejects(migrate(url), { message: /newer Colloquy/ }, 'migrate refuses it')
  await sql`delete from colloquy.migrations where version > 9000`
  await sql`update colloquy.migrations set checksum = 'other' where version = 1`
  await t.rejects(migrate(url), { message: /Migration 1 .* differs/ }, 'a changed migration is refused')
})

t.test('a schema from before the first release is named, and left as it is', async (t) => {
  const { url, superuserUrl } = await testDatabase(t, { migrated: false })
  const sql = superuser(t, superuserUrl)
  await sql.unsafe(`
    create schema colloquy;
    create table colloquy.migrations (
      version integer primary key,
      name text not null,
      checksum text not null,
      oldest_program integer not null,
      applied_at timestamptz(3) not null default now()
    );
    create table colloquy.conversations (user_id text);
    insert into colloquy.migrations (version, name, checksum, oldest_program)
    select n, 'old', 'old', 1 from generate_series(1, 6) n;
    grant all on schema colloquy to colloquy_owner;
    grant all on all tables in schema colloquy to colloquy_owner`)
  const message = /made by a development version of Colloquy.*drop schema colloquy cascade/
  await t.rejects(pending(t, url), { message }, 'the check names the version')
  await t.rejects(migrate(url), { message }, 'the migration names it')
  for (const command of ['migrate', 'serve', 'doctor']) {
    const env = { DATABASE_URL: url, PORT: '0', BETTER_AUTH_SECRET: SECRET }
    const { code, stdout, stderr } = await runColloquy([command], { env })
    t.equal(code, 1, command)
    t.match(`${stdout}${stderr}`, message, command)
  }
  t.equal((await sql`select from colloquy.migrations`).length, 6, 'its records stay')
  t.same(
    await sql`select tablename from pg_tables where schemaname = 'colloquy' order by 1`,
    [{ tablename: 'conversations' }, { tablename: 'migrations' }],
    'its tables stay',
  )
})
