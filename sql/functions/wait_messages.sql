-- Counts messages that are going to wait for busy conversations, each for its own user.
--
-- p_entries is an array of objects: user_id, turn_id, wait_ms (how long it waits at most), waiting_messages (how many of
-- the user's may wait at once). Each row answers the entry of that number, from 1 on. outcome is
--   waiting  it is counted until it begins, is refused, or its time is over; also when it was counted before
--   limited  as many wait as may
--
-- Locks: the users' counts, in their order, and nothing else; begin_turns has the same order.
--
-- p_user_id: see begin_turns.
create or replace function colloquy.wait_messages(p_entries json, p_user_id text default '')
returns table (entry integer, outcome text)
language plpgsql
as $$
declare
  v_entry record;
  v_now timestamptz(3);
  v_waiting integer;
begin
  perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  for v_entry in
    select row_number() over ()::integer as number, e.*
    from json_to_recordset(p_entries) as e (user_id text, turn_id uuid, wait_ms integer, waiting_messages integer)
    order by e.user_id collate "C", number
  loop
    perform colloquy.act_as(v_entry.user_id);
    entry := v_entry.number;
    v_now := colloquy.clock();
    insert into colloquy.turn_counts (user_id, running, minute_started_at, minute_turns, day, day_turns)
    values (v_entry.user_id, '{}', v_now, 0, (v_now at time zone 'UTC')::date, 0)
    on conflict do nothing;
    perform from colloquy.turn_counts c
    where c.user_id = v_entry.user_id
    for no key update;
    v_now := colloquy.clock();
    delete from colloquy.waiting_messages w
    where w.user_id = v_entry.user_id and (w.wait_until < v_now or w.turn_id = v_entry.turn_id);
    -- In a statement of its own: after a wait for the lock it sees what the holder has written.
    select count(*) into v_waiting
    from colloquy.waiting_messages w
    where w.user_id = v_entry.user_id;
    outcome := case when v_waiting < v_entry.waiting_messages then 'waiting' else 'limited' end;
    if outcome = 'waiting' then
      insert into colloquy.waiting_messages (user_id, turn_id, wait_until)
      values (v_entry.user_id, v_entry.turn_id, v_now + v_entry.wait_ms * interval '1 millisecond');
    end if;
    return next;
  end loop;
end
$$;
