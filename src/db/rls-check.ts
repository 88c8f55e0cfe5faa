import type { Database } from './database.js'

/** A defect that would let a request reach another user's rows, and the SQL that fixes it. */
interface RlsFinding {
  issue: string
  fix: string
}

interface Role {
  login: string
  login_bypasses: boolean
  app_exists: boolean
  app_bypasses: boolean
  can_switch: boolean
}

interface Table {
  name: string
  is_forced: boolean
  is_granted: boolean
  /** the names of permissive policies that are not Colloquy's */
  foreign_policies: string
}

const quoteIdentifier = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`

const checkRoles = (role: Role): RlsFinding | undefined => {
  if (role.app_bypasses) {
    return {
      issue: 'The role colloquy_app bypasses row-level security.',
      fix: 'alter role colloquy_app nosuperuser nobypassrls;',
    }
  }
  if (!role.login_bypasses || role.can_switch) return undefined
  const create = role.app_exists ? '' : 'create role colloquy_app nologin; '
  return {
    issue: `The role ${role.login} bypasses row-level security and cannot switch to colloquy_app, which does not.`,
    fix: `${create}grant colloquy_app to ${quoteIdentifier(role.login)}; select colloquy.prepare_app_role();`,
  }
}

/** Checks that row-level security binds every request, on a migrated database. Resolves with an empty list when it does. */
export const checkRls = (db: Database): Promise<RlsFinding[]> =>
  db.asLogin(async (sql) => {
    // As in act_as: a privileged login must not call objects of other roles that shadow the catalog's.
    await sql`set local search_path = pg_catalog, pg_temp`
    const [role] = await sql<[Role]>`
      select session_user as login,
        login.rolsuper or login.rolbypassrls as login_bypasses,
        app.rolname is not null as app_exists,
        coalesce(app.rolsuper or app.rolbypassrls, false) as app_bypasses,
        colloquy.app_role() is not null as can_switch
      from pg_catalog.pg_roles login
      left join pg_catalog.pg_roles app on app.rolname = 'colloquy_app'
      where login.rolname = session_user`
    const tables = await sql<Table[]>`
      select c.oid::regclass::text as name,
        c.relrowsecurity and c.relforcerowsecurity
          and exists (select from pg_catalog.pg_policy p where p.polrelid = c.oid) as is_forced,
        array_to_string(array(
          select p.polname from pg_catalog.pg_policy p
          where p.polrelid = c.oid and p.polpermissive and p.polname not in ('acting_user', 'pruning')
          order by 1), ', ') as foreign_policies,
        coalesce(has_table_privilege(app.oid, c.oid, 'select')
          and has_table_privilege(app.oid, c.oid, 'insert')
          and has_table_privilege(app.oid, c.oid, 'update')
          and has_table_privilege(app.oid, c.oid, 'delete'), true) as is_granted
      from pg_catalog.pg_class c
      join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'user_id'
      left join pg_catalog.pg_roles app on app.rolname = 'colloquy_app'
      where c.relnamespace = to_regnamespace('colloquy') and c.relkind in ('r', 'p')
      order by 1`
    const roleFinding = checkRoles(role)
    const unforced = tables.filter((table) => !table.is_forced)
    const ungranted = role.can_switch && tables.some((table) => !table.is_granted)
    return [
      ...(roleFinding ? [roleFinding] : []),
      ...unforced.map(({ name }) => ({
        issue: `Row-level security is not forced on ${name}.`,
        fix: `alter table ${name} enable row level security, force row level security;`,
      })),
      ...tables
        .filter((table) => table.foreign_policies !== '')
        .map(({ name, foreign_policies }) => ({
          issue: `A policy that is not Colloquy's admits more rows on ${name}: ${foreign_policies}.`,
          fix: `drop policy <policy> on ${name};`,
        })),
      ...(ungranted
        ? [
            {
              issue: 'The role colloquy_app may not use the tables.',
              fix: 'select colloquy.prepare_app_role(); -- as the owner of the schema colloquy',
            },
          ]
        : []),
    ]
  })
