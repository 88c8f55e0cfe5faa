-- Dumped from sql/ by `npm run schema`. Do not edit.

--
-- PostgreSQL database dump
--

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: colloquy; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA colloquy;

--
-- Name: act_as(text); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.act_as(p_user_id text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  -- First, so that nothing that another role made in another schema can take the place of what is meant.
  set local search_path = pg_catalog, pg_temp;
  perform set_config('colloquy.user_id', coalesce(p_user_id, ''), true);
  if colloquy.app_role() is not null then
    set local role colloquy_app;
  elsif (select r.rolsuper or r.rolbypassrls from pg_catalog.pg_roles r where r.rolname = session_user) then
    raise exception 'role % passes row-level security and may not act for users', session_user
      using errcode = 'insufficient_privilege', hint = 'Run "colloquy doctor".';
  end if;
end
$$;

--
-- Name: add_usage(text, text, integer, jsonb); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.add_usage(p_user_id text, p_model text, p_turns integer, p_usage jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  insert into colloquy.usage as u
    (user_id, day, model, turns, input_tokens, output_tokens, cached_input_tokens, total_tokens)
  values
    (p_user_id, (colloquy.clock() at time zone 'UTC')::date, p_model, p_turns,
     coalesce((p_usage ->> 'input_tokens')::bigint, 0),
     coalesce((p_usage ->> 'output_tokens')::bigint, 0),
     coalesce((p_usage ->> 'cached_input_tokens')::bigint, 0),
     coalesce((p_usage ->> 'total_tokens')::bigint, 0))
  on conflict on constraint usage_pkey do update
  set turns = u.turns + excluded.turns,
      input_tokens = u.input_tokens + excluded.input_tokens,
      output_tokens = u.output_tokens + excluded.output_tokens,
      cached_input_tokens = u.cached_input_tokens + excluded.cached_input_tokens,
      total_tokens = u.total_tokens + excluded.total_tokens;
end
$$;

--
-- Name: app_role(); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.app_role() RETURNS regrole
    LANGUAGE plpgsql STABLE
    AS $$
begin
  return (
    select r.oid
    from pg_catalog.pg_roles r
    where r.rolname = 'colloquy_app'
      and pg_catalog.pg_has_role(session_user, r.oid,
        case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end));
end
$$;

--
-- Name: begin_turn(text, uuid, boolean, uuid, uuid, uuid, text, text, text, integer, integer, integer, bytea, bytea); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.begin_turn(p_user_id text, p_conversation_id uuid, p_is_new boolean, p_turn_id uuid, p_user_message_id uuid, p_message_id uuid, p_message text, p_title text, p_model text, p_lease_ms integer, p_history_messages integer, p_history_tokens integer, p_key_hash bytea DEFAULT NULL::bytea, p_fingerprint bytea DEFAULT NULL::bytea) RETURNS TABLE(outcome text, conversation_id uuid, turn_id uuid, user_message_id uuid, message_id uuid, attempt integer, history jsonb, model text, done_calls jsonb)
    LANGUAGE plpgsql
    AS $$
#variable_conflict use_column
declare
  v_now timestamptz(3) := colloquy.clock();
  v_position integer;
  v_parent_id uuid;
  v_exists boolean;
  v_running_id uuid;
  v_running colloquy.turns;
begin
  perform colloquy.act_as(p_user_id);

  if p_key_hash is not null then
    insert into colloquy.idempotency_keys
      (user_id, key_hash, fingerprint, conversation_id, turn_id, created_at)
    values
      (p_user_id, p_key_hash, p_fingerprint, p_conversation_id, p_turn_id, v_now)
    on conflict do nothing;
    if not found then
      return query
      select r.outcome, r.conversation_id, r.turn_id, r.user_message_id, r.message_id, r.attempt, r.history, r.model,
        r.done_calls
      from colloquy.resume_turn(
        p_user_id => p_user_id, p_key_hash => p_key_hash, p_fingerprint => p_fingerprint, p_begin_id => p_turn_id,
        p_lease_ms => p_lease_ms, p_history_messages => p_history_messages, p_history_tokens => p_history_tokens) r;
      return;
    end if;
  end if;

  outcome := 'begun';
  conversation_id := p_conversation_id;
  turn_id := p_turn_id;
  user_message_id := p_user_message_id;
  message_id := p_message_id;
  attempt := 1;
  history := '[]';
  model := p_model;
  done_calls := '[]';
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
      outcome := 'not-found';
    elsif v_running.begun_by = p_turn_id then
      select m.position into v_position
      from colloquy.messages m
      where m.user_id = p_user_id and m.id = p_user_message_id;
      history := colloquy.history_window(
        p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_before => v_position,
        p_messages => p_history_messages, p_tokens => p_history_tokens);
      return next;
      return;
    elsif v_running.lease_until >= v_now then
      outcome := 'busy';
      turn_id := v_running.id;
    else
      if v_running.id is not null then
        perform colloquy.interrupt_turn(p_user_id => p_user_id, p_turn_id => v_running.id);
      end if;
      update colloquy.conversations c
      set message_count = c.message_count + 1, running_turn_id = p_turn_id, updated_at = v_now, last_turn_at = v_now
      where c.user_id = p_user_id and c.id = p_conversation_id
      returning c.message_count into v_position;
    end if;
  end if;

  if v_position is null then
    delete from colloquy.idempotency_keys k where k.user_id = p_user_id and k.key_hash = p_key_hash;
    return next;
    return;
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
    history := colloquy.history_window(
      p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_before => v_position,
      p_messages => p_history_messages, p_tokens => p_history_tokens);
  end if;
  return next;
end
$$;

--
-- Name: cancel_turn(text, uuid); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.cancel_turn(p_user_id text, p_turn_id uuid) RETURNS TABLE(outcome text)
    LANGUAGE plpgsql
    AS $$
declare
  v_turn colloquy.turns;
begin
  perform colloquy.act_as(p_user_id);
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
    perform colloquy.interrupt_turn(p_user_id => p_user_id, p_turn_id => p_turn_id);
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

--
-- Name: clock(); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.clock() RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    AS $$ select now() $$;

--
-- Name: complete_turn(text, uuid, uuid, integer, text, text, jsonb, jsonb, text, text); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.complete_turn(p_user_id text, p_conversation_id uuid, p_turn_id uuid, p_attempt integer, p_status text, p_content text, p_tool_calls jsonb, p_usage jsonb, p_error_code text, p_error_detail text) RETURNS TABLE(outcome text)
    LANGUAGE plpgsql
    AS $$
declare
  v_turn colloquy.turns;
begin
  perform colloquy.act_as(p_user_id);
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
    perform colloquy.end_turn(
      p_user_id => p_user_id, p_turn_id => p_turn_id, p_status => p_status, p_content => p_content,
      p_tool_calls => p_tool_calls, p_usage => p_usage, p_error_code => p_error_code,
      p_error_detail => p_error_detail);
    outcome := 'stored';
  else
    outcome := case when v_turn.status = p_status then 'stored' else 'fenced' end;
  end if;
  return next;
end
$$;

--
-- Name: end_turn(text, uuid, text, text, jsonb, jsonb, text, text); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.end_turn(p_user_id text, p_turn_id uuid, p_status text, p_content text, p_tool_calls jsonb, p_usage jsonb, p_error_code text, p_error_detail text) RETURNS void
    LANGUAGE plpgsql
    AS $$
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
      cached_input_tokens = (p_usage ->> 'cached_input_tokens')::integer,
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

  delete from colloquy.turn_events e where e.user_id = p_user_id and e.turn_id = p_turn_id;

  -- The first attempt counts the turn, every attempt its tokens.
  perform colloquy.add_usage(
    p_user_id => p_user_id, p_model => v_turn.model, p_turns => case when v_turn.attempt = 1 then 1 else 0 end,
    p_usage => p_usage);
end
$$;

--
-- Name: history_window(text, uuid, integer, integer, integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.history_window(p_user_id text, p_conversation_id uuid, p_before integer, p_messages integer, p_tokens integer) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    AS $$
declare
  v_past record;
  v_calls jsonb;
  v_tokens bigint := 0;
  v_turns jsonb[] := '{}';
begin
  -- One by one, because reading the tool calls is what costs: those of a turn that does not fit are the last to be read.
  for v_past in
    select a.question, a.answer, a.tool_calls
    from (
      select m.position, m.role, m.status, m.content as answer, m.tool_calls,
        lead(m.content) over (order by m.position desc) as question
      from colloquy.messages m
      where m.user_id = p_user_id and m.conversation_id = p_conversation_id
        and m.position < p_before
        -- failed turns do not count, but a run of them must not make this read the whole conversation
        and m.position >= p_before - 4 * p_messages
    ) a
    where a.role = 'assistant' and (a.status = 'completed' or (a.status = 'cancelled' and a.answer <> ''))
    order by a.position desc
    limit p_messages / 2
  loop
    v_calls := null;
    if v_past.tool_calls <> '[]' then
      select jsonb_agg(
        case
          when length(call ->> 'result') > 4000
            then call || jsonb_build_object('result', left(call ->> 'result', 4000) || ' … [shortened]')
          else call
        end
        order by n)
      into v_calls
      from jsonb_array_elements(v_past.tool_calls) with ordinality as each (call, n);
    end if;

    v_tokens := v_tokens + 1 + (
      octet_length(v_past.question) + octet_length(v_past.answer) + coalesce(octet_length(v_calls::text), 0)) / 3;
    exit when v_tokens > p_tokens;
    v_turns := (jsonb_build_object('user', v_past.question, 'assistant', v_past.answer)
      || case when v_calls is null then '{}' else jsonb_build_object('tool_calls', v_calls) end) || v_turns;
  end loop;
  return to_jsonb(v_turns);
end
$$;

--
-- Name: interrupt_lapsed_turn(text, uuid); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.interrupt_lapsed_turn(p_user_id text, p_turn_id uuid) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  perform colloquy.act_as(p_user_id);
  -- The conversation's row is locked first, in the same order as begin_turn does, so that the two cannot deadlock.
  perform from colloquy.conversations c
  where c.user_id = p_user_id
    and c.id = (select t.conversation_id from colloquy.turns t where t.user_id = p_user_id and t.id = p_turn_id)
  for update;
  perform from colloquy.turns t
  where t.user_id = p_user_id and t.id = p_turn_id and t.status = 'running' and t.lease_until < colloquy.clock()
  for update;
  if found then
    perform colloquy.interrupt_turn(p_user_id => p_user_id, p_turn_id => p_turn_id);
  end if;
end
$$;

--
-- Name: interrupt_turn(text, uuid); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.interrupt_turn(p_user_id text, p_turn_id uuid) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
  v_said record;
begin
  select a.content, a.tool_calls into v_said
  from colloquy.partial_answer(p_user_id => p_user_id, p_turn_id => p_turn_id) a;
  perform colloquy.end_turn(
    p_user_id => p_user_id, p_turn_id => p_turn_id, p_status => 'interrupted', p_content => v_said.content,
    p_tool_calls => v_said.tool_calls, p_usage => null, p_error_code => 'turn-interrupted',
    p_error_detail => 'The turn was interrupted before it was complete.');
end
$$;

--
-- Name: partial_answer(text, uuid); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.partial_answer(p_user_id text, p_turn_id uuid) RETURNS TABLE(content text, tool_calls jsonb)
    LANGUAGE plpgsql STABLE
    AS $$
#variable_conflict use_column
declare
  v_batches json;
begin
  -- What is stored is read by one statement of the user's, and made into an answer by another that reads no table.
  select json_agg(json_build_object('seq', e.seq, 'events', e.events)) into v_batches
  from colloquy.turns t
  join colloquy.turn_events e on e.user_id = t.user_id and e.turn_id = t.id and e.attempt = t.attempt
  where t.user_id = p_user_id and t.id = p_turn_id;
  return query
  with said as (
    select (b.batch ->> 'seq')::integer as seq, each.n, each.event, json_typeof(each.event) = 'string' as is_text
    from json_array_elements(v_batches) as b (batch)
    cross join lateral json_array_elements(b.batch -> 'events') with ordinality as each (event, n)
  ),
  tools as (
    select s.seq, s.n, s.event, s.event ->> 'type' as type, s.event ->> 'id' as id,
      row_number() over (partition by s.event ->> 'type', s.event ->> 'id' order by s.seq, s.n) as nth
    from said s
    where not s.is_text
  )
  select
    coalesce((select string_agg(s.event #>> '{}', '' order by s.seq, s.n) from said s where s.is_text), ''),
    coalesce((
      select jsonb_agg(
        jsonb_build_object(
          'id', call.id, 'name', call.event ->> 'name', 'arguments', call.event -> 'arguments', 'duration_ms', 0)
          || coalesce(
            done.fields, '{"error": "The call was cut off; it may have done its work or not."}')
        order by call.seq, call.n)
      from tools call
      -- Whatever a model says: what comes after the first call of its id belongs to that, and the last one counts.
      left join lateral (
        select jsonb_object_agg(field.key, field.value order by later.seq, later.n) as fields
        from tools later
        cross join lateral jsonb_each(later.event::jsonb - array['type', 'id']) as field
        where later.type <> 'tool-call' and later.id = call.id and (later.seq, later.n) > (call.seq, call.n)
      ) done on call.nth = 1
      where call.type = 'tool-call'), '[]');
end
$$;

--
-- Name: prepare_app_role(); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.prepare_app_role() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

--
-- Name: prune_idempotency_keys(integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.prune_idempotency_keys(p_limit integer) RETURNS TABLE(pruned integer)
    LANGUAGE plpgsql
    AS $$
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

--
-- Name: resume_turn(text, bytea, bytea, uuid, integer, integer, integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.resume_turn(p_user_id text, p_key_hash bytea, p_fingerprint bytea, p_begin_id uuid, p_lease_ms integer, p_history_messages integer, p_history_tokens integer) RETURNS TABLE(outcome text, conversation_id uuid, turn_id uuid, user_message_id uuid, message_id uuid, attempt integer, history jsonb, model text, done_calls jsonb)
    LANGUAGE plpgsql
    AS $_$
#variable_conflict use_column
declare
  v_now timestamptz(3) := colloquy.clock();
  v_key colloquy.idempotency_keys;
  v_conversation colloquy.conversations;
  v_turn colloquy.turns;
  v_position integer;
  v_calls jsonb;
begin
  select k.* into v_key
  from colloquy.idempotency_keys k
  where k.user_id = p_user_id and k.key_hash = p_key_hash;
  if v_key.fingerprint is distinct from p_fingerprint then
    outcome := 'mismatch';
    return next;
    return;
  end if;
  select c.* into v_conversation
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = v_key.conversation_id
  for update;
  select t.* into v_turn from colloquy.turns t where t.user_id = p_user_id and t.id = v_key.turn_id;
  if v_conversation.id is null or v_turn.id is null then
    outcome := 'not-found';
    return next;
    return;
  end if;

  if v_turn.status = 'running' and v_turn.begun_by <> p_begin_id and v_turn.lease_until < v_now then
    perform colloquy.interrupt_turn(p_user_id => p_user_id, p_turn_id => v_turn.id);
    v_turn.status := 'interrupted';
    v_conversation.running_turn_id := null;
    v_conversation.message_count := v_conversation.message_count + 1;
  end if;

  select m.position into v_position
  from colloquy.messages m
  where m.user_id = p_user_id and m.id = v_turn.user_message_id;

  if v_turn.status = 'running' then
    outcome := case when v_turn.begun_by = p_begin_id then 'begun' else 'attached' end;
  elsif v_turn.status in ('completed', 'cancelled')
    or v_conversation.running_turn_id is not null
    or v_conversation.message_count > v_position + 1
    or octet_length(v_turn.done_calls::text) > 4194304
  then
    outcome := 'ended';
  else
    -- A running turn shows its user's message only, so the answer of the last attempt makes room for the next one's.
    -- What its tools have done stays done.
    delete from colloquy.messages m
    where m.user_id = p_user_id and m.id = v_turn.message_id
    returning m.tool_calls into v_calls;
    update colloquy.turns t
    set status = 'running', attempt = t.attempt + 1, begun_by = p_begin_id, cancel_requested = false,
        lease_until = v_now + p_lease_ms * interval '1 millisecond', finished_at = null,
        error_code = null, error_detail = null, input_tokens = null, output_tokens = null, total_tokens = null,
        cached_input_tokens = null,
        done_calls = t.done_calls
          || jsonb_path_query_array(coalesce(v_calls, '[]'), '$[*] ? (exists(@.result) && !exists(@.replayed))')
    where t.user_id = p_user_id and t.id = v_turn.id
    returning t.* into v_turn;
    update colloquy.conversations c
    set message_count = v_position, running_turn_id = v_turn.id, updated_at = v_now, last_turn_at = v_now
    where c.user_id = p_user_id and c.id = v_conversation.id;
    outcome := 'begun';
  end if;

  conversation_id := v_conversation.id;
  turn_id := v_turn.id;
  user_message_id := v_turn.user_message_id;
  message_id := v_turn.message_id;
  attempt := v_turn.attempt;
  if outcome = 'begun' then
    model := v_turn.model;
    done_calls := v_turn.done_calls;
    history := colloquy.history_window(
      p_user_id => p_user_id, p_conversation_id => v_conversation.id, p_before => v_position,
      p_messages => p_history_messages, p_tokens => p_history_tokens);
  end if;
  return next;
end
$_$;

--
-- Name: set_title(text, uuid, text, text, text, jsonb); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.set_title(p_user_id text, p_conversation_id uuid, p_old_title text, p_title text, p_model text, p_usage jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  perform colloquy.act_as(p_user_id);
  update colloquy.conversations c
  set title = p_title, title_by = 'model', updated_at = colloquy.clock()
  where c.user_id = p_user_id and c.id = p_conversation_id
    and p_title is not null and c.title_by = 'message' and c.title = p_old_title;
  perform colloquy.add_usage(p_user_id => p_user_id, p_model => p_model, p_turns => 0, p_usage => p_usage);
end
$$;

--
-- Name: sync_attempts(text[], uuid[], boolean[], integer[], integer[], text[], integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.sync_attempts(p_user_ids text[], p_turn_ids uuid[], p_runs boolean[], p_attempts integer[], p_seqs integer[], p_events text[], p_lease_ms integer) RETURNS TABLE(entry integer, state text, seq integer, events json)
    LANGUAGE plpgsql
    AS $$
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

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: conversations; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.conversations (
    user_id text NOT NULL,
    id uuid NOT NULL,
    title text NOT NULL,
    title_by text DEFAULT 'message'::text NOT NULL,
    archived boolean DEFAULT false NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    message_count integer NOT NULL,
    running_turn_id uuid,
    created_at timestamp(3) with time zone NOT NULL,
    updated_at timestamp(3) with time zone NOT NULL,
    last_turn_at timestamp(3) with time zone NOT NULL,
    CONSTRAINT conversations_title_by_check CHECK ((title_by = ANY (ARRAY['message'::text, 'model'::text, 'user'::text])))
)
WITH (fillfactor='80');

ALTER TABLE ONLY colloquy.conversations FORCE ROW LEVEL SECURITY;

--
-- Name: idempotency_keys; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.idempotency_keys (
    user_id text NOT NULL,
    key_hash bytea NOT NULL,
    fingerprint bytea NOT NULL,
    conversation_id uuid NOT NULL,
    turn_id uuid NOT NULL,
    created_at timestamp(3) with time zone NOT NULL
);

ALTER TABLE ONLY colloquy.idempotency_keys FORCE ROW LEVEL SECURITY;

--
-- Name: messages; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.messages (
    user_id text NOT NULL,
    conversation_id uuid NOT NULL,
    "position" integer NOT NULL,
    id uuid NOT NULL,
    turn_id uuid NOT NULL,
    parent_id uuid,
    role text NOT NULL,
    status text NOT NULL,
    content text NOT NULL,
    tool_calls jsonb DEFAULT '[]'::jsonb NOT NULL,
    created_at timestamp(3) with time zone NOT NULL,
    CONSTRAINT messages_position_check CHECK (("position" > 0)),
    CONSTRAINT messages_role_check CHECK ((role = ANY (ARRAY['user'::text, 'assistant'::text]))),
    CONSTRAINT messages_status_check CHECK ((status = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text, 'interrupted'::text])))
);

ALTER TABLE ONLY colloquy.messages FORCE ROW LEVEL SECURITY;

--
-- Name: migrations; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.migrations (
    version integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    oldest_program integer NOT NULL,
    applied_at timestamp(3) with time zone DEFAULT now() NOT NULL,
    functions_checksum text,
    functions_program text
);

--
-- Name: turn_events; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.turn_events (
    user_id text NOT NULL,
    turn_id uuid NOT NULL,
    attempt integer NOT NULL,
    seq integer NOT NULL,
    events json NOT NULL
);

ALTER TABLE ONLY colloquy.turn_events FORCE ROW LEVEL SECURITY;

--
-- Name: turns; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.turns (
    user_id text NOT NULL,
    id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    status text NOT NULL,
    attempt integer NOT NULL,
    begun_by uuid NOT NULL,
    lease_until timestamp(3) with time zone,
    cancel_requested boolean DEFAULT false NOT NULL,
    user_message_id uuid NOT NULL,
    message_id uuid NOT NULL,
    model text NOT NULL,
    input_tokens integer,
    output_tokens integer,
    cached_input_tokens integer,
    total_tokens integer,
    done_calls jsonb DEFAULT '[]'::jsonb NOT NULL,
    error_code text,
    error_detail text,
    created_at timestamp(3) with time zone NOT NULL,
    finished_at timestamp(3) with time zone,
    CONSTRAINT turns_check CHECK (((status = 'running'::text) = (lease_until IS NOT NULL))),
    CONSTRAINT turns_check1 CHECK (((status = 'running'::text) = (finished_at IS NULL))),
    CONSTRAINT turns_status_check CHECK ((status = ANY (ARRAY['running'::text, 'completed'::text, 'failed'::text, 'cancelled'::text, 'interrupted'::text])))
)
WITH (fillfactor='80');

ALTER TABLE ONLY colloquy.turns FORCE ROW LEVEL SECURITY;

--
-- Name: usage; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.usage (
    user_id text NOT NULL,
    day date NOT NULL,
    model text NOT NULL,
    turns bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cached_input_tokens bigint NOT NULL,
    total_tokens bigint NOT NULL
)
WITH (fillfactor='80');

ALTER TABLE ONLY colloquy.usage FORCE ROW LEVEL SECURITY;

--
-- Name: conversations conversations_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.conversations
    ADD CONSTRAINT conversations_pkey PRIMARY KEY (user_id, id);

--
-- Name: idempotency_keys idempotency_keys_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key_hash);

--
-- Name: messages messages_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (user_id, conversation_id, "position");

--
-- Name: messages messages_user_id_id_key; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.messages
    ADD CONSTRAINT messages_user_id_id_key UNIQUE (user_id, id);

--
-- Name: migrations migrations_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (version);

--
-- Name: turn_events turn_events_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.turn_events
    ADD CONSTRAINT turn_events_pkey PRIMARY KEY (user_id, turn_id, attempt, seq);

--
-- Name: turns turns_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.turns
    ADD CONSTRAINT turns_pkey PRIMARY KEY (user_id, id);

--
-- Name: usage usage_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.usage
    ADD CONSTRAINT usage_pkey PRIMARY KEY (user_id, day, model);

--
-- Name: conversations_by_last_turn; Type: INDEX; Schema: colloquy; Owner: -
--

CREATE INDEX conversations_by_last_turn ON colloquy.conversations USING btree (user_id, archived, last_turn_at DESC, id DESC);

--
-- Name: idempotency_keys_by_age; Type: INDEX; Schema: colloquy; Owner: -
--

CREATE INDEX idempotency_keys_by_age ON colloquy.idempotency_keys USING btree (created_at);

--
-- Name: turns_by_conversation; Type: INDEX; Schema: colloquy; Owner: -
--

CREATE INDEX turns_by_conversation ON colloquy.turns USING btree (user_id, conversation_id);

--
-- Name: messages messages_user_id_conversation_id_fkey; Type: FK CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.messages
    ADD CONSTRAINT messages_user_id_conversation_id_fkey FOREIGN KEY (user_id, conversation_id) REFERENCES colloquy.conversations(user_id, id) ON DELETE CASCADE;

--
-- Name: turn_events turn_events_user_id_turn_id_fkey; Type: FK CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.turn_events
    ADD CONSTRAINT turn_events_user_id_turn_id_fkey FOREIGN KEY (user_id, turn_id) REFERENCES colloquy.turns(user_id, id) ON DELETE CASCADE;

--
-- Name: turns turns_user_id_conversation_id_fkey; Type: FK CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.turns
    ADD CONSTRAINT turns_user_id_conversation_id_fkey FOREIGN KEY (user_id, conversation_id) REFERENCES colloquy.conversations(user_id, id) ON DELETE CASCADE;

--
-- Name: conversations acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.conversations USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: idempotency_keys acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.idempotency_keys USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: messages acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.messages USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: turn_events acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.turn_events USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: turns acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.turns USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: usage acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.usage USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: conversations; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.conversations ENABLE ROW LEVEL SECURITY;

--
-- Name: idempotency_keys; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.idempotency_keys ENABLE ROW LEVEL SECURITY;

--
-- Name: messages; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.messages ENABLE ROW LEVEL SECURITY;

--
-- Name: idempotency_keys pruning; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY pruning ON colloquy.idempotency_keys USING (((current_setting('colloquy.pruning'::text, true) = 'on'::text) AND (created_at < (now() - '24:00:00'::interval)))) WITH CHECK (false);

--
-- Name: turn_events; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.turn_events ENABLE ROW LEVEL SECURITY;

--
-- Name: turns; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.turns ENABLE ROW LEVEL SECURITY;

--
-- Name: usage; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.usage ENABLE ROW LEVEL SECURITY;

--
-- Name: SCHEMA colloquy; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA colloquy TO colloquy_app;

--
-- Name: TABLE conversations; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.conversations TO colloquy_app;

--
-- Name: TABLE idempotency_keys; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.idempotency_keys TO colloquy_app;

--
-- Name: TABLE messages; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.messages TO colloquy_app;

--
-- Name: TABLE migrations; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT ON TABLE colloquy.migrations TO colloquy_app;

--
-- Name: TABLE turn_events; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.turn_events TO colloquy_app;

--
-- Name: TABLE turns; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.turns TO colloquy_app;

--
-- Name: TABLE usage; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.usage TO colloquy_app;

--
-- PostgreSQL database dump complete
--
