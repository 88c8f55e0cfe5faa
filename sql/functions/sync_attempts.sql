-- One tick of an instance, for all the turns that it runs or follows: stores what its attempts have said, renews their
-- leases, and gives what the instance has to act on.
--
-- p_entries is an array of objects: user_id, turn_id; runs (whether the instance runs the attempt, or follows the turn);
-- attempt (null for a turn that is followed in whatever attempt); seq (how many events are stored already, of a turn that
-- is run, or known, of one that is followed; null for a turn that is followed for its end only); events (of a turn that is
-- run, the array of the events past those; null when there are none).
-- Each row is for the entry of that number, from 1 on, in one of the states
--   events  of a turn that is followed: what was said from seq on
--   lapsed  of a turn that is followed: the lease has run out
--   ended   of a turn that is followed: the attempt runs no more, wherever it ran
--   cancel  of a turn that is run: somebody asked for it
--   lost    of a turn that is run: it was ended, deleted or taken over
--   locked  of a turn that is run: another transaction holds it, so that its events were not stored
--
-- It waits for no lock, so the turns of an instance never wait for each other here, and it cannot deadlock.
--
-- p_user_id: see begin_turns.
create or replace function colloquy.sync_attempts(p_entries json, p_lease_ms integer, p_user_id text default '')
returns table (entry integer, state text, seq integer, events json)
language plpgsql
as $$
declare
  v_lease interval;
  v_now timestamptz(3);
  v_entry record;
  v_turn record;
  v_batch record;
  v_user_id text;
  v_is_held boolean;
begin
  perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  v_lease := p_lease_ms * interval '1 millisecond';
  for v_entry in
    select row_number() over () as number, e.*
    from json_to_recordset(p_entries) as e (
      user_id text, turn_id uuid, runs boolean, attempt integer, seq integer, events json)
    order by e.user_id collate "C", e.turn_id, number
  loop
    if v_user_id is distinct from v_entry.user_id then
      v_user_id := v_entry.user_id;
      perform colloquy.act_as(v_user_id);
    end if;
    entry := v_entry.number;
    seq := null;
    events := null;

    select t.status, t.attempt, t.lease_until, t.cancel_requested into v_turn
    from colloquy.turns t
    where t.user_id = v_user_id and t.id = v_entry.turn_id;
    v_now := colloquy.clock();

    if not v_entry.runs then
      if v_entry.seq is not null then
        for v_batch in
          select e.seq, e.events
          from colloquy.turn_events e
          where e.user_id = v_user_id and e.turn_id = v_entry.turn_id and e.attempt = v_entry.attempt and e.seq >= v_entry.seq
          order by e.seq
        loop
          state := 'events';
          seq := v_batch.seq;
          events := v_batch.events;
          return next;
        end loop;
        seq := null;
        events := null;
      end if;
      state := case
        when v_turn.status is distinct from 'running' or v_turn.attempt <> v_entry.attempt then 'ended'
        when v_turn.lease_until < v_now then 'lapsed'
      end;
      if state is not null then
        return next;
      end if;
      continue;
    end if;

    if v_turn.status is distinct from 'running' or v_turn.attempt <> v_entry.attempt then
      state := 'lost';
      return next;
      continue;
    end if;
    -- A lease is renewed when a third of it has gone, so that a tick of silent turns only reads. The lock keeps the turn
    -- from being ended, and its events from being folded into the answer, before these are there too.
    if v_entry.events is not null or v_turn.lease_until < v_now + v_lease * 2 / 3 then
      select t.lease_until, t.cancel_requested into v_turn.lease_until, v_turn.cancel_requested
      from colloquy.turns t
      where t.user_id = v_user_id and t.id = v_entry.turn_id and t.status = 'running' and t.attempt = v_entry.attempt
      for no key update skip locked;
      if not found then
        state := 'locked';
        return next;
        continue;
      end if;
      if v_entry.events is not null then
        -- A batch whose answer was lost comes again.
        insert into colloquy.turn_events (user_id, turn_id, attempt, seq, events)
        values (v_user_id, v_entry.turn_id, v_entry.attempt, v_entry.seq, v_entry.events)
        on conflict on constraint turn_events_pkey do nothing;
      end if;
      v_now := colloquy.clock();
      if v_turn.lease_until < v_now + v_lease * 2 / 3 then
        update colloquy.turns t
        set lease_until = v_now + v_lease
        where t.user_id = v_user_id and t.id = v_entry.turn_id;
      end if;
    end if;
    if v_turn.cancel_requested then
      state := 'cancel';
      return next;
    end if;
  end loop;
end
$$;
