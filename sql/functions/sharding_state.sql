-- How far the database is distributed over the nodes of a Citus cluster; "colloquy shard" does what is missing, and the functions
-- distribute_… do the work. p_called has the names of the functions that programs call.
-- One row:
--   version         of the Citus extension; null where there is none, and then all else is null, too
--   fault           why this database cannot be distributed from here, or null
--   workers         how many nodes take shards
--   shards          how many the tables are, or are to be, cut into; null as long as they are not
--   is_begun        whether tables are distributed
--   is_ledger_local whether colloquy.migrations is on this node alone
--   local_tables    users' tables that are not distributed, those first that others refer to
--   leftovers       distributed tables whose former rows are still on this node
--   functions       what is not known to the other nodes, or not sent to the one that has the user
--   unready_nodes   nodes on which colloquy_app is not ready: see prepare_node_role
create or replace function colloquy.sharding_state(p_called text[])
returns table (
  version text,
  fault text,
  workers integer,
  shards integer,
  is_begun boolean,
  is_ledger_local boolean,
  local_tables text[],
  leftovers text[],
  functions text[],
  unready_nodes text[]
)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_tables regclass[];
begin
  select e.extversion into version from pg_extension e where e.extname = 'citus';
  if not found then
    return next;
    return;
  end if;
  select count(*) filter (where n.shouldhaveshards and n.isactive) into workers
  from pg_dist_node n
  where n.noderole = 'primary';
  fault := case
    when not citus_is_coordinator() then 'this node is not the coordinator of the Citus cluster'
    when not exists (select from pg_dist_node n where n.groupid = 0) then
      'the coordinator is not one of the cluster''s nodes: run select citus_set_coordinator_host(''<host>'', <port>);'
    when workers = 0 then 'no node takes shards: run select citus_add_node(''<host>'', <port>); for each worker'
    when to_regrole('colloquy_app') is null then 'there is no role colloquy_app, which keeps users apart while tables are copied'
  end;

  with recursive own (id) as (
    select c.oid
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'user_id'
    where c.relnamespace = 'colloquy'::regnamespace and c.relkind in ('r', 'p')
  ),
  referring (id, depth) as (
    select o.id, 0 from own o
    union
    select k.conrelid, r.depth + 1
    from referring r
    join pg_constraint k on k.confrelid = r.id and k.contype = 'f' and k.conrelid <> k.confrelid
  ),
  ordered (id, depth) as (
    select r.id, max(r.depth) from referring r group by r.id
  )
  select array_agg(o.id::regclass order by o.id <> 'colloquy.conversations'::regclass, o.depth, o.id::regclass::text)
  into v_tables
  from ordered o;
  local_tables := array(
    select t.id::text
    from unnest(v_tables) with ordinality t (id, n)
    where not exists (select from pg_dist_partition p where p.logicalrelid = t.id)
    order by t.n);
  is_begun := exists (select from pg_dist_partition p where p.logicalrelid = any (v_tables));
  is_ledger_local := not exists (select from pg_dist_partition p where p.logicalrelid = 'colloquy.migrations'::regclass);
  leftovers := array(
    select p.logicalrelid::text
    from pg_dist_partition p
    where p.logicalrelid = any (v_tables || 'colloquy.migrations'::regclass) and pg_relation_size(p.logicalrelid) > 0
    order by array_position(v_tables, p.logicalrelid));
  select nullif(count(*), 0) into shards
  from pg_dist_shard s
  where s.logicalrelid = 'colloquy.conversations'::regclass;
  functions := array(
    select p.oid::regprocedure::text
    from pg_proc p
    left join pg_dist_object d on d.classid = 'pg_proc'::regclass and d.objid = p.oid
    where p.pronamespace = 'colloquy'::regnamespace
      and (d.objid is null or (d.distribution_argument_index is null and colloquy.is_delegated(p.oid, p_called)))
    order by 1);
  if fault is null and is_begun then
    unready_nodes := array(
      select n.nodename || ':' || n.nodeport
      from run_command_on_all_nodes(
        'select r.rolcanlogin and r.rolconfig @> array[''lock_timeout=1334ms''] from pg_roles r where r.rolname = ''colloquy_app''') a
      join pg_dist_node n on n.nodeid = a.nodeid
      where a.result is distinct from 't'
      order by 1);
  end if;
  return next;
end
$$;
