-- One tick of an instance, for all its turns together: stores what the attempts that it runs have said, renews their
-- leases, and gives what it has to act on. Each entry is its own user's alone. Each row is for the entry of that number,
-- from 1 on, in one of the states
--   events  of a turn that is followed: what was said from seq on
--   lapsed  of a turn that is followed: the lease has run out
--   ended   of a turn that is followed: the attempt runs no more, wherever it ran
--   cancel  of a turn that is run: somebody asked for it
--   lost    of a turn that is run: it was ended, deleted or taken over
create or replace function colloquy.sync_attempts(
  p_user_ids text[],
  p_turn_ids uuid[],
  -- whether the instance runs the attempt, or only follows it
  p_runs boolean[],
  -- null for a turn that is followed in whatever attempt
  p_attempts integer[],
  -- how many events are stored already (of a turn that is run) or known (of one that is followed); null for a turn
  -- that is followed for its end only
  p_seqs integer[],
  -- of a turn that is run, the JSON array of the events past those; null when there are none
  p_events text[],
  p_lease_ms integer
) returns table (entry integer, state text, seq integer, events json)
language plpgsql
as $$
#variable_conflict use_column
declare
  v_now timestamptz(3) := colloquy.clock();
  v_acting text := p_user_ids[1];
  v_mine record;
  v_turn colloquy.turns;
begin
  perform colloquy.act_as(v_acting);
  -- In one order, so that two ticks cannot deadlock.
  for v_mine in
    select mine.user_id, mine.turn_id, mine.runs, mine.attempt, mine.seq, mine.events, mine.entry::integer
    from unnest(p_user_ids, p_turn_ids, p_runs, p_attempts, p_seqs, p_events)
      with ordinality as mine (user_id, turn_id, runs, attempt, seq, events, entry)
    order by mine.user_id, mine.turn_id
  loop
    if v_acting is distinct from v_mine.user_id then
      v_acting := v_mine.user_id;
      perform colloquy.act_as(v_acting);
    end if;

    if v_mine.runs then
      -- A lease is renewed when a third of it has gone, so that a tick mostly reads.
      update colloquy.turns t
      set lease_until = v_now + p_lease_ms * interval '1 millisecond'
      where t.user_id = v_mine.user_id and t.id = v_mine.turn_id
        and t.attempt = v_mine.attempt and t.status = 'running'
        and t.lease_until < v_now + p_lease_ms * interval '1 millisecond' * 2 / 3;
    end if;
    if v_mine.runs and v_mine.events is not null then
      -- The lock keeps the turn from being ended, and its events from being folded, before these are there too. A batch
      -- whose answer was lost comes again.
      perform from colloquy.turns t
      where t.user_id = v_mine.user_id and t.id = v_mine.turn_id
        and t.attempt = v_mine.attempt and t.status = 'running'
      for share;
      if found then
        insert into colloquy.turn_events (user_id, turn_id, attempt, seq, events)
        values (v_mine.user_id, v_mine.turn_id, v_mine.attempt, v_mine.seq, v_mine.events::json)
        on conflict do nothing;
      end if;
    end if;
    if not v_mine.runs and v_mine.seq is not null then
      return query
      select v_mine.entry, 'events', e.seq, e.events
      from colloquy.turn_events e
      where e.user_id = v_mine.user_id and e.turn_id = v_mine.turn_id and e.attempt = v_mine.attempt
        and e.seq >= v_mine.seq
      order by e.seq;
    end if;

    select t.* into v_turn from colloquy.turns t where t.user_id = v_mine.user_id and t.id = v_mine.turn_id;
    entry := v_mine.entry;
    state := case
      when not found or v_turn.status <> 'running' or v_turn.attempt <> v_mine.attempt
        then case when v_mine.runs then 'lost' else 'ended' end
      when v_mine.runs and v_turn.cancel_requested then 'cancel'
      when not v_mine.runs and v_turn.lease_until < v_now then 'lapsed'
    end;
    if state is not null then
      return next;
    end if;
  end loop;
end
$$;
