-- What has changed in the conversations of users whom an instance follows, in one statement for all of them.
--
-- p_entries is an array of objects: user_id; since (the time up to which it is known what has changed; null to begin now);
-- running (the ids of the turns that are known to run); is_open (whether somebody begins to follow: what has ended is looked for
-- then among all turns, and the turns that run are told). Each row is for the entry of that number, from 1 on; at is for telling
-- a change that was read before. type is
--   read      of the entry 0, and the first: at is the time to go on from with all entries
--   epoch     of each entry: its changes can be told one by one since the time at, or not at all when that is null. Where it is not
--             what it was, or `since` is before it, there may be more than what is told here
--   overflow  there is more than what is told here
--   running   a turn that runs
--   lapsed    a turn that was said to run: its lease has run out
--   gone      a turn that was said to run, and was deleted
-- or a change, as the contract has it.
--
-- Nothing is missed, although times are taken before a commit: everything is read again until it is twenty seconds old, which is
-- longer than any transaction of ours may take. Only the database's times are compared.
create or replace function colloquy.read_updates(p_entries json)
returns table (entry integer, type text, conversation_id uuid, turn_id uuid, attempt integer, status text, at timestamptz)
language plpgsql
as $$
declare
  v_now timestamptz;
  v_entry record;
  v_user_id text;
  v_from timestamptz;
  v_scan_from timestamptz;
  v_turn_ids uuid[];
  v_row record;
  v_turn record;
  v_epoch timestamptz;
  v_found integer;
begin
  perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  -- Else the planner, which sees that few rows are as new as that, plans the same again for each user: that is most of the work.
  perform set_config('plan_cache_mode', 'force_generic_plan', true);
  v_now := colloquy.clock();
  entry := 0;
  type := 'read';
  at := v_now;
  return next;
  for v_entry in
    select row_number() over ()::integer as number, e.*
    from json_to_recordset(p_entries) as e (user_id text, since timestamptz, running uuid[], is_open boolean)
    order by e.user_id collate "C", number
  loop
    if v_user_id is distinct from v_entry.user_id then
      v_user_id := v_entry.user_id;
      perform colloquy.act_as(v_user_id);
    end if;
    entry := v_entry.number;
    v_from := coalesce(v_entry.since, v_now) - interval '20 seconds';
    -- Longer than a turn may take.
    v_scan_from := v_from - case when v_entry.is_open then interval '2 hours' else interval '0' end;
    v_found := 0;
    v_epoch := null;

    for v_row in
      select s.since, u.type, u.conversation_id, u.at
      from colloquy.update_streams s
      left join colloquy.updates u on u.user_id = s.user_id and u.at >= v_from
      where s.user_id = v_user_id
      limit 501
    loop
      v_epoch := v_row.since;
      if v_row.type is not null then
        v_found := v_found + 1;
        type := v_row.type;
        conversation_id := v_row.conversation_id;
        turn_id := null;
        attempt := null;
        status := null;
        at := v_row.at;
        return next;
      end if;
    end loop;

    for v_row in
      select c.id, c.created_at, c.last_turn_id, c.last_turn_at, c.last_position
      from colloquy.conversations c
      where c.user_id = v_user_id and c.archived in (false, true) and c.last_turn_at >= v_scan_from
        and colloquy.is_live(c.expires_at)
      limit 5000
    loop
      exit when v_found > 500;
      conversation_id := v_row.id;
      if v_row.created_at >= v_from then
        v_found := v_found + 1;
        type := 'conversation-created';
        turn_id := null;
        attempt := null;
        status := null;
        at := v_row.created_at;
        return next;
      end if;
      -- Its last turn, and those that began or ended shortly before it.
      v_turn_ids := array[v_row.last_turn_id];
      if v_row.last_turn_at >= v_from then
        v_turn_ids := v_turn_ids || array(
          select m.turn_id
          from colloquy.messages m
          where m.user_id = v_user_id and m.conversation_id = v_row.id and m.position > v_row.last_position - 64
            and m.created_at >= v_from and m.turn_id is not null);
      end if;
      for v_turn in
        select t.id, t.attempt, t.status, t.finished_at, t.lease_until,
          -- What begins again keeps the time of its first attempt. A fork has turns that are older than itself.
          case
            when t.attempt > 1 and t.id = v_row.last_turn_id then v_row.last_turn_at
            else t.created_at end as started_at
        from colloquy.turns t
        where t.user_id = v_user_id and t.id = any (v_turn_ids) and t.created_at >= v_row.created_at
      loop
        turn_id := v_turn.id;
        attempt := v_turn.attempt;
        status := null;
        at := v_turn.started_at;
        if v_turn.started_at >= v_from then
          v_found := v_found + 1;
          type := 'turn-started';
          return next;
        end if;
        if v_turn.finished_at >= v_from then
          v_found := v_found + 1;
          type := 'turn-ended';
          status := v_turn.status;
          at := v_turn.finished_at;
          return next;
        elsif v_turn.status = 'running' then
          type := 'running';
          return next;
        end if;
      end loop;
    end loop;

    if cardinality(v_entry.running) > 0 then
      for v_turn in
        select r.id, t.conversation_id, t.attempt, t.status, t.finished_at, t.lease_until
        from unnest(v_entry.running) as r (id)
        left join colloquy.turns t on t.user_id = v_user_id and t.id = r.id
      loop
        turn_id := v_turn.id;
        conversation_id := v_turn.conversation_id;
        attempt := v_turn.attempt;
        status := v_turn.status;
        at := v_turn.finished_at;
        type := case
          when v_turn.status is null then 'gone'
          when v_turn.status <> 'running' then 'turn-ended'
          when v_turn.lease_until < v_now then 'lapsed'
        end;
        if type is not null then
          return next;
        end if;
      end loop;
    end if;

    if v_epoch is null and (v_found > 0 or v_entry.is_open) then
      -- It waits for an import that makes the row, too.
      insert into colloquy.update_streams (user_id, since)
      values (v_user_id, v_now)
      on conflict do nothing;
      select s.since into v_epoch
      from colloquy.update_streams s
      where s.user_id = v_user_id;
    end if;
    conversation_id := null;
    turn_id := null;
    attempt := null;
    status := null;
    if v_found > 500 then
      type := 'overflow';
      at := null;
      return next;
    end if;
    type := 'epoch';
    at := v_epoch;
    return next;
  end loop;
end
$$;
