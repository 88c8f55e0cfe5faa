-- Forgets at most p_limit expired keys, the oldest first; gives how many there were. It acts for nobody, under the policy
-- that shows expired keys alone. Several instances may do it at once: a key that another one forgot first is not counted.
create or replace function colloquy.prune_idempotency_keys(p_limit integer) returns table (pruned integer)
language plpgsql
as $$
declare
  v_expired record;
  v_before timestamptz;
  v_count integer;
begin
  perform colloquy.act_as(null);
  perform set_config('colloquy.pruning', 'on', true);
  v_before := colloquy.clock() - interval '24 hours';
  pruned := 0;
  -- A delete for each user, and users in one order: each goes to one shard, and two instances cannot deadlock.
  for v_expired in
    select e.user_id, array_agg(e.key_hash) as key_hashes
    from (
      select k.user_id, k.key_hash
      from colloquy.idempotency_keys k
      where k.created_at < v_before
      order by k.created_at
      limit p_limit
    ) e
    group by e.user_id
    order by e.user_id
  loop
    delete from colloquy.idempotency_keys k
    where k.user_id = v_expired.user_id and k.key_hash = any (v_expired.key_hashes)
      and k.created_at < v_before;
    get diagnostics v_count = row_count;
    pruned := pruned + v_count;
  end loop;
  return next;
end
$$;
