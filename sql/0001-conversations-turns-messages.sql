-- oldest program: 1

-- Stored times and leases come from here; tests put another clock in its place.
create function colloquy.clock() returns timestamptz
language sql stable
as $$ select now() $$;

-- Who the transaction acts for; null, which matches nobody, when nothing set it.
create function colloquy.acting_users() returns text[]
language sql stable
as $$ select nullif(current_setting('colloquy.user_ids', true), '')::text[] $$;

-- The role that serves requests, if the login may switch to it. Since PostgreSQL 16 membership alone is not enough.
create function colloquy.app_role() returns regrole
language sql stable
as $$
  select r.oid::regrole
  from pg_catalog.pg_roles r
  where r.rolname = 'colloquy_app'
    and pg_has_role(session_user, r.oid,
      case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end)
$$;

-- The one place where a transaction gets the users it acts for and the role it runs as.
-- "set local" rather than set_config(), because Citus propagates only the former to its workers.
create function colloquy.act_as(p_user_ids text[]) returns void
language plpgsql
as $$
begin
  -- First, so that nothing that another role made in another schema can take the place of what is meant.
  set local search_path = pg_catalog, pg_temp;
  execute format('set local colloquy.user_ids = %L', p_user_ids);
  if colloquy.app_role() is not null then
    set local role colloquy_app;
  elsif (select r.rolsuper or r.rolbypassrls from pg_catalog.pg_roles r where r.rolname = session_user) then
    raise exception 'role % passes row-level security and may not act for users', session_user
      using errcode = 'insufficient_privilege', hint = 'Run "colloquy doctor".';
  end if;
end
$$;

create table colloquy.conversations (
  user_id text not null,
  id uuid not null,
  title text not null,
  archived boolean not null default false,
  metadata jsonb not null default '{}',
  -- the last message's position too, since positions have no gaps
  message_count integer not null,
  -- the conversation's single writer: taken and given back by a conditional write on this row
  running_turn_id uuid,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  last_turn_at timestamptz(3) not null,
  primary key (user_id, id)
) with (fillfactor = 80);

create index conversations_by_last_turn
  on colloquy.conversations (user_id, archived, last_turn_at desc, id desc);

create table colloquy.turns (
  user_id text not null,
  id uuid not null,
  conversation_id uuid not null,
  status text not null check (status in ('running', 'completed', 'failed', 'cancelled', 'interrupted')),
  attempt integer not null,
  -- the begin that started the attempt, so that repeating it is told from another one
  begun_by uuid not null,
  -- the time until which the running attempt is believed alive
  lease_until timestamptz(3),
  cancel_requested boolean not null default false,
  user_message_id uuid not null,
  message_id uuid not null,
  model text not null,
  input_tokens integer,
  output_tokens integer,
  total_tokens integer,
  error_code text,
  error_detail text,
  created_at timestamptz(3) not null,
  finished_at timestamptz(3),
  primary key (user_id, id),
  foreign key (user_id, conversation_id) references colloquy.conversations (user_id, id) on delete cascade,
  check ((status = 'running') = (lease_until is not null)),
  check ((status = 'running') = (finished_at is null))
) with (fillfactor = 80);

create index turns_by_conversation on colloquy.turns (user_id, conversation_id);

create table colloquy.messages (
  user_id text not null,
  conversation_id uuid not null,
  position integer not null check (position > 0),
  id uuid not null,
  turn_id uuid not null,
  parent_id uuid,
  role text not null check (role in ('user', 'assistant')),
  status text not null check (status in ('completed', 'failed', 'cancelled', 'interrupted')),
  content text not null,
  tool_calls jsonb not null default '[]',
  created_at timestamptz(3) not null,
  primary key (user_id, conversation_id, position),
  unique (user_id, id),
  foreign key (user_id, conversation_id) references colloquy.conversations (user_id, id) on delete cascade
);

-- Which turn a user's Idempotency-Key made. It holds no text: hashes of the key and of the request, and ids.
-- It outlives its conversation, so that a late retry does not begin it anew.
create table colloquy.idempotency_keys (
  user_id text not null,
  key_hash bytea not null,
  fingerprint bytea not null,
  conversation_id uuid not null,
  turn_id uuid not null,
  created_at timestamptz(3) not null,
  primary key (user_id, key_hash)
);

create index idempotency_keys_by_age on colloquy.idempotency_keys (created_at);

alter table colloquy.conversations enable row level security, force row level security;
alter table colloquy.turns enable row level security, force row level security;
alter table colloquy.messages enable row level security, force row level security;
alter table colloquy.idempotency_keys enable row level security, force row level security;

-- The subquery makes the setting be read once a statement, not once a row.
create policy acting_users on colloquy.conversations
  using (user_id = any ((select colloquy.acting_users())::text[]));
create policy acting_users on colloquy.turns
  using (user_id = any ((select colloquy.acting_users())::text[]));
create policy acting_users on colloquy.messages
  using (user_id = any ((select colloquy.acting_users())::text[]));
create policy acting_users on colloquy.idempotency_keys
  using (user_id = any ((select colloquy.acting_users())::text[]));
-- Pruning acts for no user, and then sees the expired rows alone; a day is what the contract promises.
create policy pruning on colloquy.idempotency_keys
  using (
    cardinality((select colloquy.acting_users())::text[]) = 0
    and created_at < colloquy.clock() - interval '24 hours')
  with check (false);

-- Ends the turn that holds the conversation, whose row the caller has locked: the answer's row, the turn's end and
-- the conversation's release are one write.
create function colloquy.end_turn_v1(
  p_user_id text,
  p_turn_id uuid,
  p_status text,
  p_content text,
  p_tool_calls jsonb,
  p_usage jsonb,
  p_error_code text,
  p_error_detail text
) returns void
language plpgsql
as $$
declare
  v_turn colloquy.turns;
  v_position integer;
begin
  update colloquy.turns t
  set status = p_status,
      lease_until = null,
      finished_at = colloquy.clock(),
      input_tokens = (p_usage ->> 'input_tokens')::integer,
      output_tokens = (p_usage ->> 'output_tokens')::integer,
      total_tokens = (p_usage ->> 'total_tokens')::integer,
      error_code = p_error_code,
      error_detail = p_error_detail
  where t.user_id = p_user_id and t.id = p_turn_id
  returning t.* into strict v_turn;

  update colloquy.conversations c
  set message_count = c.message_count + 1,
      running_turn_id = null,
      updated_at = colloquy.clock()
  where c.user_id = p_user_id and c.id = v_turn.conversation_id and c.running_turn_id = p_turn_id
  returning c.message_count into strict v_position;

  insert into colloquy.messages
    (user_id, conversation_id, position, id, turn_id, parent_id, role, status, content, tool_calls, created_at)
  values
    (p_user_id, v_turn.conversation_id, v_position, v_turn.message_id, p_turn_id, v_turn.user_message_id,
     'assistant', p_status, p_content, p_tool_calls, colloquy.clock());
end
$$;

-- Ends a turn whose lease has run out, on behalf of the instance that died.
create function colloquy.interrupt_turn_v1(p_user_id text, p_turn_id uuid) returns void
language sql
as $$
  select colloquy.end_turn_v1(p_user_id, p_turn_id, 'interrupted', '', '[]', null,
    'turn-interrupted', 'The turn was interrupted before it was complete.')
$$;

-- The history window: the newest whole turns before a position that completed (or were cancelled with some text),
-- oldest first, as [{"user": …, "assistant": …}, …]: at most p_messages messages and about p_tokens tokens, a token
-- being estimated as three bytes.
create function colloquy.history_v1(
  p_user_id text,
  p_conversation_id uuid,
  p_before integer,
  p_messages integer,
  p_tokens integer
) returns jsonb
language sql stable
as $$
  select coalesce(
    jsonb_agg(jsonb_build_object('user', w.question, 'assistant', w.answer) order by w.position), '[]')
  from (
    select past.position, past.question, past.answer,
      sum((octet_length(past.question) + octet_length(past.answer)) / 3 + 1)
        over (order by past.position desc) as tokens
    from (
      select a.position, u.content as question, a.content as answer
      from colloquy.messages a
      join colloquy.messages u
        on u.user_id = a.user_id and u.conversation_id = a.conversation_id and u.position = a.position - 1
      where a.user_id = p_user_id and a.conversation_id = p_conversation_id
        and a.position < p_before
        -- failed turns do not count, but a run of them must not make this read the whole conversation
        and a.position >= p_before - 4 * p_messages
        and a.role = 'assistant'
        and (a.status = 'completed' or (a.status = 'cancelled' and a.content <> ''))
      order by a.position desc
      limit p_messages / 2
    ) past
  ) w
  where w.tokens <= p_tokens
$$;

-- What begin_turn says. outcome is
--   begun      the turn is this attempt's to run; history is its window
--   busy       the conversation is running another turn, which turn_id names
--   attached   the key's turn is running
--   ended      the key's turn has ended, and is not to be run again
--   not-found  there is no such conversation (any more)
--   mismatch   the key was used with another request
create type colloquy.begun_v1 as (
  outcome text,
  conversation_id uuid,
  turn_id uuid,
  user_message_id uuid,
  message_id uuid,
  attempt integer,
  history jsonb
);

-- Begins again with a key that was used before; p_begin_id tells a begin whose answer was lost from another one.
create function colloquy.resume_turn_v1(
  p_user_id text,
  p_key_hash bytea,
  p_fingerprint bytea,
  p_begin_id uuid,
  p_lease_ms integer,
  p_history_messages integer,
  p_history_tokens integer
) returns colloquy.begun_v1
language plpgsql
as $$
declare
  v_now timestamptz(3) := colloquy.clock();
  v_key colloquy.idempotency_keys;
  v_conversation colloquy.conversations;
  v_turn colloquy.turns;
  v_position integer;
  v_begun colloquy.begun_v1;
begin
  select k.* into v_key
  from colloquy.idempotency_keys k
  where k.user_id = p_user_id and k.key_hash = p_key_hash;
  if v_key.fingerprint is distinct from p_fingerprint then
    v_begun.outcome := 'mismatch';
    return v_begun;
  end if;
  select c.* into v_conversation
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = v_key.conversation_id
  for update;
  select t.* into v_turn from colloquy.turns t where t.user_id = p_user_id and t.id = v_key.turn_id;
  if v_conversation.id is null or v_turn.id is null then
    v_begun.outcome := 'not-found';
    return v_begun;
  end if;

  if v_turn.status = 'running' and v_turn.begun_by <> p_begin_id and v_turn.lease_until < v_now then
    perform colloquy.interrupt_turn_v1(p_user_id, v_turn.id);
    v_turn.status := 'interrupted';
    v_conversation.running_turn_id := null;
    v_conversation.message_count := v_conversation.message_count + 1;
  end if;

  select m.position into v_position
  from colloquy.messages m
  where m.user_id = p_user_id and m.id = v_turn.user_message_id;

  if v_turn.status = 'running' then
    v_begun.outcome := case when v_turn.begun_by = p_begin_id then 'begun' else 'attached' end;
  elsif v_turn.status in ('completed', 'cancelled')
    or v_conversation.running_turn_id is not null
    or v_conversation.message_count > v_position + 1
  then
    v_begun.outcome := 'ended';
  else
    -- A running turn shows its user's message only, so the answer of the last attempt makes room for the next one's.
    delete from colloquy.messages m where m.user_id = p_user_id and m.id = v_turn.message_id;
    update colloquy.turns t
    set status = 'running', attempt = t.attempt + 1, begun_by = p_begin_id, cancel_requested = false,
        lease_until = v_now + p_lease_ms * interval '1 millisecond', finished_at = null,
        error_code = null, error_detail = null, input_tokens = null, output_tokens = null, total_tokens = null
    where t.user_id = p_user_id and t.id = v_turn.id
    returning t.* into v_turn;
    update colloquy.conversations c
    set message_count = v_position, running_turn_id = v_turn.id, updated_at = v_now, last_turn_at = v_now
    where c.user_id = p_user_id and c.id = v_conversation.id;
    v_begun.outcome := 'begun';
  end if;

  v_begun.conversation_id := v_conversation.id;
  v_begun.turn_id := v_turn.id;
  v_begun.user_message_id := v_turn.user_message_id;
  v_begun.message_id := v_turn.message_id;
  v_begun.attempt := v_turn.attempt;
  if v_begun.outcome = 'begun' then
    v_begun.history := colloquy.history_v1(
      p_user_id, v_conversation.id, v_position, p_history_messages, p_history_tokens);
  end if;
  return v_begun;
end
$$;

-- Begins a turn: takes the conversation (or makes it), writes the key and the user's message and reads the history
-- window. Repeating it with the same turn id writes nothing new. A refusal leaves no key behind.
create function colloquy.begin_turn_v1(
  p_user_id text,
  p_conversation_id uuid,
  p_is_new boolean,
  p_turn_id uuid,
  p_user_message_id uuid,
  p_message_id uuid,
  p_message text,
  p_title text,
  p_model text,
  p_lease_ms integer,
  p_history_messages integer,
  p_history_tokens integer,
  p_key_hash bytea default null,
  p_fingerprint bytea default null
) returns colloquy.begun_v1
language plpgsql
as $$
declare
  v_now timestamptz(3) := colloquy.clock();
  v_position integer;
  v_parent_id uuid;
  v_exists boolean;
  v_running_id uuid;
  v_running colloquy.turns;
  v_begun colloquy.begun_v1;
begin
  perform colloquy.act_as(array[p_user_id]);

  if p_key_hash is not null then
    insert into colloquy.idempotency_keys
      (user_id, key_hash, fingerprint, conversation_id, turn_id, created_at)
    values
      (p_user_id, p_key_hash, p_fingerprint, p_conversation_id, p_turn_id, v_now)
    on conflict do nothing;
    if not found then
      return colloquy.resume_turn_v1(p_user_id, p_key_hash, p_fingerprint, p_turn_id, p_lease_ms,
        p_history_messages, p_history_tokens);
    end if;
  end if;

  v_begun := row('begun', p_conversation_id, p_turn_id, p_user_message_id, p_message_id, 1, '[]');
  if p_is_new then
    insert into colloquy.conversations
      (user_id, id, title, message_count, running_turn_id, created_at, updated_at, last_turn_at)
    values
      (p_user_id, p_conversation_id, p_title, 1, p_turn_id, v_now, v_now, v_now)
    on conflict do nothing
    returning message_count into v_position;
  else
    update colloquy.conversations c
    set message_count = c.message_count + 1, running_turn_id = p_turn_id, updated_at = v_now, last_turn_at = v_now
    where c.user_id = p_user_id and c.id = p_conversation_id and c.running_turn_id is null
    returning c.message_count into v_position;
  end if;

  if v_position is null then
    -- In two statements: after the wait for the lock, the second sees the turn of whoever held it.
    select c.running_turn_id into v_running_id
    from colloquy.conversations c
    where c.user_id = p_user_id and c.id = p_conversation_id
    for update;
    v_exists := found;
    select t.* into v_running from colloquy.turns t where t.user_id = p_user_id and t.id = v_running_id;

    if not v_exists then
      v_begun.outcome := 'not-found';
    elsif v_running.begun_by = p_turn_id then
      v_begun.history := colloquy.history_v1(
        p_user_id, p_conversation_id,
        (select m.position from colloquy.messages m where m.user_id = p_user_id and m.id = p_user_message_id),
        p_history_messages, p_history_tokens);
      return v_begun;
    elsif v_running.lease_until >= v_now then
      v_begun.outcome := 'busy';
      v_begun.turn_id := v_running.id;
    else
      if v_running.id is not null then
        perform colloquy.interrupt_turn_v1(p_user_id, v_running.id);
      end if;
      update colloquy.conversations c
      set message_count = c.message_count + 1, running_turn_id = p_turn_id, updated_at = v_now, last_turn_at = v_now
      where c.user_id = p_user_id and c.id = p_conversation_id
      returning c.message_count into v_position;
    end if;
  end if;

  if v_position is null then
    delete from colloquy.idempotency_keys k where k.user_id = p_user_id and k.key_hash = p_key_hash;
    return v_begun;
  end if;

  if v_position > 1 then
    select m.id into strict v_parent_id
    from colloquy.messages m
    where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position = v_position - 1;
  end if;
  insert into colloquy.turns
    (user_id, id, conversation_id, status, attempt, begun_by, lease_until, user_message_id, message_id, model, created_at)
  values
    (p_user_id, p_turn_id, p_conversation_id, 'running', 1, p_turn_id, v_now + p_lease_ms * interval '1 millisecond',
     p_user_message_id, p_message_id, p_model, v_now);
  insert into colloquy.messages
    (user_id, conversation_id, position, id, turn_id, parent_id, role, status, content, created_at)
  values
    (p_user_id, p_conversation_id, v_position, p_user_message_id, p_turn_id, v_parent_id, 'user', 'completed',
     p_message, v_now);
  if v_position > 1 then
    v_begun.history := colloquy.history_v1(
      p_user_id, p_conversation_id, v_position, p_history_messages, p_history_tokens);
  end if;
  return v_begun;
end
$$;

-- One tick of an instance, for all its turns together: renews the leases of the attempts that it runs and says what
-- it has to act on. state is 'cancel' (somebody asked for it), 'lost' (ended, deleted or taken over) for a turn it
-- runs, and 'ended' for a turn that it follows and that runs no more, wherever it ran.
create function colloquy.progress_v1(
  p_user_ids text[],
  p_turn_ids uuid[],
  -- the running attempt; null for a turn that is only followed
  p_attempts integer[],
  p_lease_ms integer
) returns table (turn_id uuid, state text)
language plpgsql
as $$
declare
  v_now timestamptz(3) := colloquy.clock();
begin
  perform colloquy.act_as(p_user_ids);
  -- A lease is renewed when a third of it has gone, so that a tick mostly reads.
  update colloquy.turns t
  set lease_until = v_now + p_lease_ms * interval '1 millisecond'
  from unnest(p_user_ids, p_turn_ids, p_attempts) as mine (user_id, turn_id, attempt)
  where t.user_id = mine.user_id and t.id = mine.turn_id and t.attempt = mine.attempt and t.status = 'running'
    and t.lease_until < v_now + p_lease_ms * interval '1 millisecond' * 2 / 3;

  return query
  select mine.turn_id,
    case
      when mine.attempt is null then 'ended'
      when t.id is null or t.status <> 'running' or t.attempt <> mine.attempt then 'lost'
      else 'cancel'
    end
  from unnest(p_user_ids, p_turn_ids, p_attempts) as mine (user_id, turn_id, attempt)
  left join colloquy.turns t on t.user_id = mine.user_id and t.id = mine.turn_id
  where t.id is null
    or t.status <> 'running'
    or (mine.attempt is null and t.lease_until < v_now)
    or (mine.attempt is not null and (t.attempt <> mine.attempt or t.cancel_requested));
end
$$;

-- Asks whoever runs the turn to stop, and stops it itself when nobody does. The outcome is 'requested', 'ended' or
-- 'not-found'.
create function colloquy.cancel_turn_v1(p_user_id text, p_turn_id uuid) returns table (outcome text)
language plpgsql
as $$
declare
  v_turn colloquy.turns;
begin
  perform colloquy.act_as(array[p_user_id]);
  -- The conversation's row is locked first, in the same order as begin_turn does, so that the two cannot deadlock.
  perform from colloquy.conversations c
  where c.user_id = p_user_id
    and c.id = (select t.conversation_id from colloquy.turns t where t.user_id = p_user_id and t.id = p_turn_id)
  for update;
  update colloquy.turns t
  set cancel_requested = true
  where t.user_id = p_user_id and t.id = p_turn_id and t.status = 'running'
  returning t.* into v_turn;
  if v_turn.lease_until >= colloquy.clock() then
    outcome := 'requested';
  elsif v_turn.id is not null then
    perform colloquy.interrupt_turn_v1(p_user_id, p_turn_id);
    outcome := 'ended';
  else
    outcome := case
      when exists (select from colloquy.turns t where t.user_id = p_user_id and t.id = p_turn_id) then 'ended'
      else 'not-found'
    end;
  end if;
  return next;
end
$$;

-- Completes a turn, however it ended. The outcome is 'stored' (also when this very completion was stored before),
-- 'gone' (the conversation was deleted meanwhile) or 'fenced' (another attempt, or another end, came first).
create function colloquy.complete_turn_v1(
  p_user_id text,
  p_conversation_id uuid,
  p_turn_id uuid,
  p_attempt integer,
  p_status text,
  p_content text,
  p_tool_calls jsonb,
  p_usage jsonb,
  p_error_code text,
  p_error_detail text
) returns table (outcome text)
language plpgsql
as $$
declare
  v_turn colloquy.turns;
begin
  perform colloquy.act_as(array[p_user_id]);
  -- The conversation's row is locked first, in the same order as begin_turn does, so that the two cannot deadlock.
  perform from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id
  for update;

  select t.* into v_turn from colloquy.turns t where t.user_id = p_user_id and t.id = p_turn_id;
  if not found then
    outcome := 'gone';
  elsif v_turn.attempt <> p_attempt then
    outcome := 'fenced';
  elsif v_turn.status = 'running' then
    perform colloquy.end_turn_v1(p_user_id, p_turn_id, p_status, p_content, p_tool_calls, p_usage,
      p_error_code, p_error_detail);
    outcome := 'stored';
  else
    outcome := case when v_turn.status = p_status then 'stored' else 'fenced' end;
  end if;
  return next;
end
$$;

-- Forgets at most p_limit expired keys, the oldest first; gives how many there were.
create function colloquy.prune_idempotency_keys_v1(p_limit integer) returns table (pruned integer)
language plpgsql
as $$
begin
  perform colloquy.act_as('{}');
  delete from colloquy.idempotency_keys k
  using (
    select e.user_id, e.key_hash
    from colloquy.idempotency_keys e
    where e.created_at < colloquy.clock() - interval '24 hours'
    order by e.created_at
    limit p_limit
    for update skip locked
  ) expired
  where k.user_id = expired.user_id and k.key_hash = expired.key_hash;
  get diagnostics pruned = row_count;
  return next;
end
$$;

-- Makes the role that serves requests, where the caller may, and gives it what it needs and no more.
-- "colloquy migrate" runs it after every migration; it may be run at any time.
create function colloquy.prepare_app_role() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table regclass;
begin
  if to_regrole('colloquy_app') is null then
    begin
      create role colloquy_app nologin;
    exception
      when insufficient_privilege then return;
      -- Another database of the cluster was being migrated at the same moment.
      when duplicate_object or unique_violation then null;
    end;
  end if;
  if colloquy.app_role() is null then
    begin
      execute format('grant colloquy_app to %I', session_user);
    exception
      when insufficient_privilege then null;
    end;
  end if;
  grant usage on schema colloquy to colloquy_app;
  grant select on colloquy.migrations to colloquy_app;
  for v_table in
    select c.oid
    from pg_catalog.pg_class c
    where c.relnamespace = 'colloquy'::regnamespace and c.relkind in ('r', 'p') and c.relforcerowsecurity
  loop
    execute format('grant select, insert, update, delete on %s to colloquy_app', v_table);
  end loop;
end
$$;
