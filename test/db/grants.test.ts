import postgres from 'postgres'
import t from 'tap'
import { testDatabase } from '../helpers/database.js'

const verbs = ['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger'] as const

t.test('the role that serves requests may do what serving takes, and nothing else', async (t) => {
  const { superuserUrl } = await testDatabase(t)
  const sql = postgres(superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())

  const tables = await sql<{ name: string; isUsers: boolean; granted: string[] }[]>`
    select c.relname as name,
      exists (
        select from pg_attribute a where a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped
      ) as "isUsers",
      array(
        select verb from unnest(${[...verbs]}::text[]) verb where has_table_privilege('colloquy_app', c.oid, verb)
      ) as granted
    from pg_class c
    where c.relnamespace = 'colloquy'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
    order by c.relname`
  t.ok(
    tables.some(({ isUsers }) => isUsers) && tables.some(({ isUsers }) => !isUsers),
    'tables of both kinds',
  )
  for (const { name, isUsers, granted } of tables) {
    const wanted = isUsers ? ['select', 'insert', 'update', 'delete'] : ['select']
    t.same(granted, wanted, `what is granted on ${name}`)
  }

  const [role] = await sql`
    select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,
      has_schema_privilege(oid, 'colloquy', 'create') as makes_objects,
      has_schema_privilege(oid, 'public', 'create') as makes_public_objects,
      has_database_privilege(oid, current_database(), 'create') as makes_schemas,
      exists (select from pg_class where relowner = r.oid) as owns_tables,
      exists (select from pg_proc where proowner = r.oid) as owns_functions,
      exists (select from pg_auth_members where member = r.oid) as is_member
    from pg_roles r where rolname = 'colloquy_app'`
  for (const [power, has] of Object.entries(role ?? {})) t.equal(has, false, power)

  await sql`set role colloquy_app`
  const refused: [what: string, statement: string][] = [
    ['writes a migration', `insert into colloquy.migrations select * from colloquy.migrations limit 1`],
    ['deletes migrations', 'delete from colloquy.migrations'],
    ['empties a table', 'truncate colloquy.messages'],
    ['lifts row-level security', 'alter table colloquy.messages disable row level security'],
    ['makes a table', 'create table colloquy.mine ()'],
  ]
  for (const [what, statement] of refused) {
    await t.rejects(sql.unsafe(statement), { code: '42501' }, what)
  }
})
