-- What has changed in the conversations of users whom an instance follows, in one statement for all of them.
--
-- p_entries is an array of objects: user_id; since (the time up to which it is known what has changed; null to begin now);
-- running (the ids of the turns that are known to run); is_open (whether somebody begins to follow: what has ended is looked for
-- then among all turns, and the turns that run are told). Each row is for the entry of that number, from 1 on; at is for telling
-- a change that was read before. type is
--   read      of the entry 0, and the first: at is the time to go on from with all entries
--   epoch     of each entry: its changes can be told one by one since the time at. It is null while there is nothing of the user, or
--             an import has begun. Where it is not what it was there may be more than what is told here, unless it was null and
--             is the time of this call
--   overflow  there is more than what is told here; turns that run are told all the same
--   running   a turn that runs
--   lapsed    a turn that was said to run: its lease has run out
--   gone      a turn that was said to run, and was deleted
-- or a change, as the contract has it. An entry without its row of the type epoch was not read: the statement took so long that
-- the caller is to ask for that entry again, so one user can keep the others waiting, and never from being told.
--
-- Where since is too long ago to tell one by one what has changed, this is an overflow, and read as if it began now.
--
-- Times are taken before a commit, so everything is read again until it is two minutes old: far longer than the statements of a
-- transaction may take. Only a commit that waits longer than that, for a synchronous standby, is missed. Only the database's times
-- are compared.
--
-- p_user_id: see begin_turns.
create or replace function colloquy.read_updates(p_entries json, p_user_id text default '')
returns table (entry integer, type text, conversation_id uuid, turn_id uuid, attempt integer, status text, at timestamptz)
language plpgsql
as $$
declare
  v_now timestamptz;
  v_entry record;
  v_user_id text;
  v_is_too_old boolean;
  v_from timestamptz;
  v_until timestamptz;
  v_scan_from timestamptz;
  v_turn_ids uuid[];
  v_row record;
  v_turn record;
  v_epoch timestamptz;
  v_conversations integer;
  v_messages integer;
  v_reach integer;
  -- How many changes were found. More than 500 are an overflow.
  v_found integer;
begin
  perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  -- Else the planner, which sees that few rows are as new as that, plans the same again for each user: that is most of the work.
  -- Citus has to see the user's id in order to find the node.
  perform set_config('plan_cache_mode', 'force_generic_plan', true)
  where current_setting('citus.propagate_set_commands', true) is null;
  v_now := colloquy.clock();
  -- As far as the clock may have gone back. What is later is of no time that was taken here: imports brought such times.
  v_until := v_now + interval '2 minutes';
  entry := 0;
  type := 'read';
  at := v_now;
  return next;
  for v_entry in
    select row_number() over ()::integer as number, e.*
    from json_to_recordset(p_entries) as e (user_id text, since timestamptz, running uuid[], is_open boolean)
    order by e.user_id collate "C", number
  loop
    exit when v_user_id is not null and colloquy.clock() > v_now + interval '1 second';
    if v_user_id is distinct from v_entry.user_id then
      v_user_id := v_entry.user_id;
      perform colloquy.act_as(v_user_id);
    end if;
    entry := v_entry.number;
    -- Notes are kept for a day.
    v_is_too_old := coalesce(v_entry.since < v_now - interval '23 hours', false);
    v_from := case when v_is_too_old then v_now else coalesce(v_entry.since, v_now) end - interval '2 minutes';
    -- Longer than a turn may take.
    v_scan_from := v_from - case when v_entry.is_open or v_is_too_old then interval '2 hours' else interval '0' end;
    v_found := case when v_is_too_old then 501 else 0 end;

    select s.since into v_epoch
    from colloquy.update_streams s
    where s.user_id = v_user_id;
    -- The newest ones, which are those that nobody was told of yet.
    for v_row in
      select u.type, u.conversation_id, u.at
      from colloquy.updates u
      where u.user_id = v_user_id and u.at >= v_from and not v_is_too_old
      order by u.at desc
      limit 501
    loop
      v_found := v_found + 1;
      type := v_row.type;
      conversation_id := v_row.conversation_id;
      turn_id := null;
      attempt := null;
      status := null;
      at := v_row.at;
      return next;
    end loop;

    v_conversations := 0;
    v_messages := 0;
    for v_row in
      select c.id, c.created_at, c.last_turn_id, c.last_turn_at, c.last_position
      -- Each a range of the index, in its order. For one condition of both PostgreSQL before 17 reads all that the user has.
      from (values (false), (true)) a (archived)
      cross join lateral (
        select c.id, c.last_turn_id, c.last_turn_at, c.last_position,
          case when c.created_at <= v_until then c.created_at else '-infinity' end as created_at
        from colloquy.conversations c
        where c.user_id = v_user_id and c.archived = a.archived and c.last_turn_at between v_scan_from and v_until
          and colloquy.is_live(c.expires_at)
        order by c.last_turn_at desc, c.id desc
        limit 5001
      ) c
    loop
      v_conversations := v_conversations + 1;
      if v_conversations > 5000 then
        v_found := greatest(v_found, 501);
        exit;
      end if;
      conversation_id := v_row.id;
      if v_found <= 500 and v_row.created_at >= v_from then
        v_found := v_found + 1;
        type := 'conversation-created';
        turn_id := null;
        attempt := null;
        status := null;
        at := v_row.created_at;
        return next;
      end if;
      -- Its last turn, which alone may run, and those that began or ended shortly before it.
      v_turn_ids := array[v_row.last_turn_id];
      if v_found <= 500 and v_row.last_turn_at >= v_from then
        -- Most have few messages that are as new as that, so it looks further back only where they may not be all.
        v_reach := 16;
        while exists (
          select from colloquy.messages m
          where m.user_id = v_user_id and m.conversation_id = v_row.id and m.position = v_row.last_position - v_reach
            and m.created_at between v_from and v_until)
        loop
          v_reach := v_reach * 4;
          exit when v_reach > 1024;
        end loop;
        v_messages := v_messages + v_reach;
        if v_reach > 1024 or v_messages > 20000 then
          v_found := greatest(v_found, 501);
          v_reach := 0;
        end if;
        v_turn_ids := v_turn_ids || array(
          select m.turn_id
          from colloquy.messages m
          where m.user_id = v_user_id and m.conversation_id = v_row.id and m.position > v_row.last_position - v_reach
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
        if v_found <= 500 and v_turn.started_at >= v_from then
          v_found := v_found + 1;
          type := 'turn-started';
          return next;
        end if;
        if v_turn.status = 'running' then
          type := 'running';
          return next;
        elsif v_found <= 500 and v_turn.finished_at >= v_from then
          v_found := v_found + 1;
          type := 'turn-ended';
          status := v_turn.status;
          at := v_turn.finished_at;
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
      -- Only for a user of whom there is something, which cannot be erased before this is: so an erasure leaves nothing. What is
      -- being deleted is passed over.
      perform from colloquy.conversations c
      where c.user_id = v_user_id
      limit 1
      for key share skip locked;
      if not found then
        perform from colloquy.updates u
        where u.user_id = v_user_id
        limit 1
        for key share skip locked;
      end if;
      if found then
        begin
          -- An import that has made the row, and not committed yet, holds up nobody: it is for later then.
          perform set_config('lock_timeout', '10ms', true);
          insert into colloquy.update_streams (user_id, since)
          values (v_user_id, v_now)
          on conflict do nothing;
        exception when lock_not_available then
          null;
        end;
        select s.since into v_epoch
        from colloquy.update_streams s
        where s.user_id = v_user_id;
      end if;
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
