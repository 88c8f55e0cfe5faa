-- Forgets at most p_limit expired keys, the oldest first; gives how many there were.
create or replace function colloquy.prune_idempotency_keys(p_limit integer) returns table (pruned integer)
language plpgsql
as $$
declare
  v_before timestamptz;
  v_expired record;
  v_count integer;
begin
  perform colloquy.act_as(null);
  v_before := colloquy.clock() - interval '24 hours';
  -- The policy of this name lets expired keys be read, whoever's they are, and nothing else.
  set local colloquy.pruning = 'on';
  pruned := 0;
  for v_expired in
    select k.user_id, array_agg(k.key_hash) as hashes
    from (
      select e.user_id, e.key_hash
      from colloquy.idempotency_keys e
      where e.created_at < v_before
      order by e.created_at
      limit p_limit
    ) k
    group by k.user_id
    order by k.user_id collate "C"
  loop
    perform colloquy.act_as(v_expired.user_id);
    delete from colloquy.idempotency_keys k
    where k.user_id = v_expired.user_id and k.key_hash = any (v_expired.hashes) and k.created_at < v_before;
    get diagnostics v_count = row_count;
    pruned := pruned + v_count;
  end loop;
  return next;
end
$$;
