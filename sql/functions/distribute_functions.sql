-- Makes all functions known to the other nodes, and has those delegated that is_delegated says; gives how many that were.
-- Citus does not find by itself what the body of a function calls.
create or replace function colloquy.distribute_functions(p_called text[]) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_function record;
  v_count integer;
begin
  -- Else no function can be made on the nodes after a table was changed in the same transaction.
  set local citus.multi_shard_modify_mode = 'sequential';
  v_count := 0;
  for v_function in
    select p.oid::regprocedure as id, colloquy.is_delegated(p.oid, p_called) as is_delegated
    from pg_proc p
    left join pg_dist_object d on d.classid = 'pg_proc'::regclass and d.objid = p.oid
    where p.pronamespace = 'colloquy'::regnamespace
      and (d.objid is null or (d.distribution_argument_index is null and colloquy.is_delegated(p.oid, p_called)))
    order by p.oid
  loop
    if v_function.is_delegated then
      perform create_distributed_function(v_function.id, 'p_user_id', colocate_with => 'colloquy.conversations');
    else
      perform create_distributed_function(v_function.id);
    end if;
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
