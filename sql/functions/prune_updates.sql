-- Forgets at most p_limit notes of changes that are older than a day, the oldest first; gives how many there were. Of a user who
-- has no conversation any more, which was noted, it also forgets since when changes can be told.
create or replace function colloquy.prune_updates(p_limit integer) returns table (pruned integer)
language plpgsql
as $$
declare
  v_before timestamptz;
  v_old record;
  v_count integer;
begin
  perform colloquy.act_as(null);
  v_before := colloquy.clock() - interval '24 hours';
  -- The policy of this name lets old notes be read, whoever's they are, and nothing else.
  set local colloquy.pruning = 'on';
  pruned := 0;
  for v_old in
    select o.user_id, max(o.at) as until
    from (
      select u.user_id, u.at
      from colloquy.updates u
      where u.at < v_before
      order by u.at
      limit p_limit
    ) o
    group by o.user_id
    order by o.user_id collate "C"
  loop
    perform colloquy.act_as(v_old.user_id);
    delete from colloquy.updates u where u.user_id = v_old.user_id and u.at <= v_old.until;
    get diagnostics v_count = row_count;
    pruned := pruned + v_count;
    delete from colloquy.update_streams s
    where s.user_id = v_old.user_id and s.since < v_before
      and not exists (select from colloquy.conversations c where c.user_id = v_old.user_id);
  end loop;
  return next;
end
$$;
