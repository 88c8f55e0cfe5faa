import type { Sql } from './database.js'

/** An object of the schema colloquy, with a definition that reads the same on PostgreSQL 15 to 18. */
export interface SchemaObject {
  kind: string
  name: string
  definition: string
}

/** Settings that affect how the catalog prints definitions. The search path keeps other roles' objects from shadowing it. */
const catalogSettings = `
  set local search_path = pg_catalog, pg_temp;
  set local quote_all_identifiers = off;
  set local intervalstyle = 'postgres';
  set local datestyle = 'ISO, YMD';
  set local extra_float_digits = 1;
  set local bytea_output = 'hex'`

const relations = `
  select
    case c.relkind
      when 'r' then 'table' when 'p' then 'table' when 'f' then 'foreign table' when 'v' then 'view'
      when 'm' then 'materialized view' when 'S' then 'sequence' else 'type'
    end,
    c.relname::text,
    concat_ws(', ',
      case when c.relpersistence = 'u' then 'unlogged' end,
      case when c.relrowsecurity then 'row-level security' end,
      case when c.relforcerowsecurity then 'forced' end,
      case when c.relkind in ('v', 'm') then md5(pg_get_viewdef(c.oid)) end)
  from pg_class c, target
  where c.relnamespace = target.id and c.relkind in ('r', 'p', 'f', 'v', 'm', 'S', 'c')`

const types = `
  select 'type', t.typname::text, t.typtype::text
  from pg_type t, target
  where t.typnamespace = target.id and t.typtype in ('d', 'e', 'r')`

// Since PostgreSQL 18 NOT NULL is a constraint of its own; here it is part of the column.
const columns = `
  select 'column', c.relname || '.' || a.attname,
    concat_ws(' ',
      format_type(a.atttypid, a.atttypmod),
      case when a.attcollation <> t.typcollation then 'collate ' || a.attcollation::regcollation::text end,
      case when a.attnotnull then 'not null' end,
      case a.attgenerated when '' then 'default' else 'generated' end || ' ' || pg_get_expr(d.adbin, d.adrelid),
      case when a.attidentity <> '' then 'identity' end)
  from pg_class c
  join target on c.relnamespace = target.id and c.relkind in ('r', 'p')
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum`

const constraints = `
  select 'constraint', c.relname || '.' || k.conname, pg_get_constraintdef(k.oid)
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid
  join target on c.relnamespace = target.id
  where k.contype in ('c', 'f', 'p', 'u', 'x')`

const indexes = `
  select 'index', i.relname::text,
    pg_get_indexdef(x.indexrelid) || case when x.indisvalid then '' else ' (invalid)' end
  from pg_index x
  join pg_class i on i.oid = x.indexrelid
  join target on i.relnamespace = target.id
  where not exists (select from pg_constraint k where k.conindid = x.indexrelid and k.contype in ('p', 'u', 'x'))`

const policies = `
  select 'policy', p.polname || ' on ' || c.relname,
    concat_ws(' ',
      case when p.polpermissive then 'permissive' else 'restrictive' end,
      'for ' || p.polcmd::text,
      'to ' || (
        select string_agg(case when r.id = 0 then 'public' else pg_get_userbyid(r.id)::text end, ', ' order by r.id)
        from unnest(p.polroles) as r (id)),
      'using ' || pg_get_expr(p.polqual, p.polrelid),
      'with check ' || pg_get_expr(p.polwithcheck, p.polrelid))
  from pg_policy p
  join pg_class c on c.oid = p.polrelid
  join target on c.relnamespace = target.id`

const triggers = `
  select 'trigger', g.tgname || ' on ' || c.relname, pg_get_triggerdef(g.oid) || ' ' || g.tgenabled::text
  from pg_trigger g
  join pg_class c on c.oid = g.tgrelid
  join target on c.relnamespace = target.id
  where not g.tgisinternal
  union all
  select 'rule', w.rulename || ' on ' || c.relname, pg_get_ruledef(w.oid)
  from pg_rewrite w
  join pg_class c on c.oid = w.ev_class
  join target on c.relnamespace = target.id
  where w.rulename <> '_RETURN'`

const functions = `
  select 'function', p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
    concat_ws(' ',
      '(' || pg_get_function_arguments(p.oid) || ')',
      'returns ' || pg_get_function_result(p.oid),
      'language ' || l.lanname,
      p.prokind, p.provolatile, 'parallel ' || p.proparallel::text,
      case when p.proisstrict then 'strict' end,
      case when p.prosecdef then 'security definer' end,
      case when p.proleakproof then 'leakproof' end,
      array_to_string(p.proconfig, ' '),
      md5(coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)))
  from pg_proc p
  join pg_language l on l.oid = p.prolang
  join target on p.pronamespace = target.id`

// Without the owner's privileges: owners have different names, and since PostgreSQL 17 one more privilege.
const grants = `
  select 'grant',
    a.privilege_type || ' on ' || o.what || ' to ' ||
      case when a.grantee = 0 then 'public' else pg_get_userbyid(a.grantee)::text end,
    case when a.is_grantable then 'with grant option' else '' end
  from (
    select 'the schema' as what, n.nspacl as acl, n.nspowner as owner, 'n'::"char" as kind
    from pg_namespace n, target where n.oid = target.id
    union all
    select c.relname::text, c.relacl, c.relowner, case c.relkind when 'S' then 's'::"char" else 'r'::"char" end
    from pg_class c, target where c.relnamespace = target.id and c.relkind in ('r', 'p', 'f', 'v', 'm', 'S')
    union all
    select c.relname || '.' || t.attname, t.attacl, c.relowner, 'c'::"char"
    from pg_attribute t join pg_class c on c.oid = t.attrelid join target on c.relnamespace = target.id
    where t.attacl is not null
    union all
    select p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', p.proacl, p.proowner, 'f'::"char"
    from pg_proc p, target where p.pronamespace = target.id
  ) o
  cross join lateral aclexplode(coalesce(o.acl, acldefault(o.kind, o.owner))) a
  where a.grantee <> o.owner`

const parts = [relations, types, columns, constraints, indexes, policies, triggers, functions, grants]

/** All objects of the schema colloquy, in a stable order. */
export const readSchemaObjects = async (sql: Sql): Promise<SchemaObject[]> => {
  await sql.unsafe(catalogSettings)
  const rows = await sql.unsafe<SchemaObject[]>(`
    with target as (select n.oid as id from pg_namespace n where n.nspname = 'colloquy')
    select o.kind, o.name, o.definition
    from (${parts.join('\nunion all')}) as o (kind, name, definition)
    order by o.kind collate "C", o.name collate "C"`)
  return rows.map(({ kind, name, definition }) => ({ kind, name, definition }))
}
