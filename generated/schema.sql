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
-- Name: begun; Type: TYPE; Schema: colloquy; Owner: -
--

CREATE TYPE colloquy.begun AS (
	outcome text,
	conversation_id uuid,
	turn_id uuid,
	user_message_id uuid,
	message_id uuid,
	attempt integer,
	model text,
	history json,
	done_calls jsonb,
	is_lapsed boolean,
	window_state json,
	is_repeated boolean,
	refusal json,
	message text,
	assistant text
);

--
-- Name: message_role; Type: DOMAIN; Schema: colloquy; Owner: -
--

CREATE DOMAIN colloquy.message_role AS text;

--
-- Name: message_status; Type: DOMAIN; Schema: colloquy; Owner: -
--

CREATE DOMAIN colloquy.message_status AS text
	CONSTRAINT message_status_check CHECK ((VALUE = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text, 'interrupted'::text])));

--
-- Name: title_maker; Type: DOMAIN; Schema: colloquy; Owner: -
--

CREATE DOMAIN colloquy.title_maker AS text
	CONSTRAINT title_maker_check CHECK ((VALUE = ANY (ARRAY['message'::text, 'model'::text, 'user'::text])));

--
-- Name: turn_status; Type: DOMAIN; Schema: colloquy; Owner: -
--

CREATE DOMAIN colloquy.turn_status AS text
	CONSTRAINT turn_status_check CHECK ((VALUE = ANY (ARRAY['running'::text, 'completed'::text, 'failed'::text, 'cancelled'::text, 'interrupted'::text])));

--
-- Name: act_as(text); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.act_as(p_user_id text) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
  v_user_id text;
begin
  -- First, so that nothing that another role made in another schema can take the place of what is meant.
  perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  v_user_id := coalesce(p_user_id, '');
  perform set_config('colloquy.user_id', v_user_id, true);
  -- A connection of our own rests in this role; one of a pooler's has to be put into it each time.
  if current_user <> 'colloquy_app' then
    if colloquy.app_role() is not null then
      set local role colloquy_app;
    elsif (select r.rolsuper or r.rolbypassrls from pg_roles r where r.rolname = session_user) then
      raise exception 'role % bypasses row-level security and may not act for users', session_user
        using errcode = 'insufficient_privilege', hint = 'Run "colloquy doctor".';
    end if;
  end if;
  -- Where there is Citus, the other nodes have to know, too. It takes `set local` along, and not set_config(), and only to nodes
  -- on which a transaction is open; a read opens none, when it is in a function, and row-level security would hide everything
  -- from it. So the look for a message that there never is opens one on the node that has the user.
  if current_setting('citus.propagate_set_commands', true) is not null then
    perform set_config('citus.propagate_set_commands', 'local', true);
    execute format('set local colloquy.user_id = %L', v_user_id);
    perform from colloquy.waiting_messages w
    where w.user_id = v_user_id and w.turn_id = '00000000-0000-0000-0000-000000000000'
    for key share;
  end if;
end
$$;

--
-- Name: add_branch(text, uuid, integer, integer, int4multirange); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.add_branch(p_user_id text, p_conversation_id uuid, p_position integer, p_parent_position integer, p_ancestors int4multirange) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
  v_parent_id uuid;
  v_first record;
begin
  select m.id into v_parent_id
  from colloquy.messages m
  where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position = p_parent_position;
  select m.position, m.parent_id into v_first
  from colloquy.messages m
  where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position > p_parent_position
    and m.role <> 'summary'
  order by m.position
  limit 1;
  if v_first.parent_id is not distinct from v_parent_id then
    insert into colloquy.branches (user_id, conversation_id, position, parent_position)
    values (p_user_id, p_conversation_id, v_first.position, p_parent_position)
    on conflict do nothing;
  end if;
  insert into colloquy.branches (user_id, conversation_id, position, parent_position, ancestors)
  values (p_user_id, p_conversation_id, p_position, p_parent_position, p_ancestors);
end
$$;

--
-- Name: add_job_usage(text, uuid, text, integer, integer, integer, integer, integer, bigint); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.add_job_usage(p_user_id text, p_conversation_id uuid, p_model text, p_input_tokens integer, p_output_tokens integer, p_cached_input_tokens integer, p_reasoning_tokens integer, p_total_tokens integer, p_cost bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
  v_now timestamptz := colloquy.clock();
begin
  perform from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id
  for key share;
  if not found then
    perform from colloquy.usage u
    where u.user_id = p_user_id and u.day = (v_now at time zone 'UTC')::date and u.model = p_model
    for update;
    if not found then
      return;
    end if;
  end if;
  perform colloquy.add_usage(
    p_user_id => p_user_id, p_at => v_now, p_model => p_model, p_turns => 0,
    p_input_tokens => p_input_tokens, p_output_tokens => p_output_tokens,
    p_cached_input_tokens => p_cached_input_tokens, p_reasoning_tokens => p_reasoning_tokens,
    p_total_tokens => p_total_tokens, p_cost => p_cost);
end
$$;

--
-- Name: add_usage(text, timestamp with time zone, text, bigint, bigint, bigint, bigint, bigint, bigint, bigint); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.add_usage(p_user_id text, p_at timestamp with time zone, p_model text, p_turns bigint, p_input_tokens bigint, p_output_tokens bigint, p_cached_input_tokens bigint, p_reasoning_tokens bigint, p_total_tokens bigint, p_cost bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  insert into colloquy.usage as u
    (user_id, day, model, turns, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, total_tokens,
     cost)
  values
    (p_user_id, (p_at at time zone 'UTC')::date, p_model, p_turns, coalesce(p_input_tokens, 0),
     coalesce(p_output_tokens, 0), coalesce(p_cached_input_tokens, 0), coalesce(p_reasoning_tokens, 0),
     coalesce(p_total_tokens, 0), p_cost)
  on conflict on constraint usage_pkey do update
  set turns = u.turns + excluded.turns,
    input_tokens = u.input_tokens + excluded.input_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens,
    cached_input_tokens = u.cached_input_tokens + excluded.cached_input_tokens,
    reasoning_tokens = u.reasoning_tokens + excluded.reasoning_tokens,
    total_tokens = u.total_tokens + excluded.total_tokens,
    cost = coalesce(u.cost + excluded.cost, u.cost, excluded.cost);
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
-- Name: apply_retention(text[], uuid[], json); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.apply_retention(p_user_ids text[], p_conversation_ids uuid[], p_retention json) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
  v_user record;
begin
  for v_user in
    select u.user_id, array_agg(u.id) as ids
    from unnest(p_user_ids, p_conversation_ids) u (user_id, id)
    group by u.user_id
    order by u.user_id collate "C"
  loop
    perform colloquy.act_as(v_user.user_id);
    perform from colloquy.conversations c
    where c.user_id = v_user.user_id and c.id = any (v_user.ids)
    order by c.id
    for no key update;
    update colloquy.conversations c
    set expires_at = colloquy.expiry_of(
      c.own_expires_at, greatest(c.last_turn_at, c.retained_from), c.pinned, c.archived, p_retention)
    where c.user_id = v_user.user_id and c.id = any (v_user.ids)
      and c.expires_at is distinct from colloquy.expiry_of(
        c.own_expires_at, greatest(c.last_turn_at, c.retained_from), c.pinned, c.archived, p_retention);
    insert into colloquy.removals (user_id, conversation_id, remove_at)
    select c.user_id, c.id, c.expires_at
    from colloquy.conversations c
    where c.user_id = v_user.user_id and c.id = any (v_user.ids) and c.expires_at is not null
    on conflict on constraint removals_pkey do update
    set remove_at = excluded.remove_at
    where removals.remove_at > excluded.remove_at;
  end loop;
end
$$;

--
-- Name: begin_turn(text, uuid, boolean, uuid, uuid, uuid, text, text, text, uuid, text, integer, integer, integer, integer, bytea, bytea, bigint, date, boolean, json, text, json); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.begin_turn(p_user_id text, p_conversation_id uuid, p_is_new boolean, p_turn_id uuid, p_user_message_id uuid, p_message_id uuid, p_message text, p_title text, p_place text, p_target_id uuid, p_model text, p_lease_ms integer, p_history_messages integer, p_history_tokens integer, p_window_size integer, p_key_hash bytea, p_fingerprint bytea, p_reserved bigint, p_reserved_on date, p_may_begin boolean, p_retention json, p_assistant text, p_assistants json) RETURNS colloquy.begun
    LANGUAGE plpgsql
    AS $$
declare
  v_now timestamptz(3) := colloquy.clock();
  v_position integer;
  v_lock record;
  v_last record;
  v_place record;
  v_is_placed boolean := false;
  v_refusal text;
  v_path int4multirange;
  v_active_path int4multirange;
  v_question_position integer;
  v_answer_position integer;
  -- how many positions the turn takes
  v_given integer := case when p_place = 'again' then 1 else 2 end;
  v_parent_id uuid;
  v_summary_position integer;
  v_window_starts jsonb;
  v_expires_at timestamptz(3);
  v_window record;
  v_model text := p_model;
  v_window_size integer := p_window_size;
  v_history_tokens integer := p_history_tokens;
  v_choice record;
  v_begun colloquy.begun;
begin
  if p_key_hash is not null then
    insert into colloquy.idempotency_keys (user_id, key_hash, fingerprint, conversation_id, turn_id, created_at)
    values (p_user_id, p_key_hash, p_fingerprint, p_conversation_id, p_turn_id, v_now)
    on conflict do nothing;
    if not found then
      return colloquy.resume_turn(
        p_user_id => p_user_id, p_key_hash => p_key_hash, p_fingerprint => p_fingerprint, p_begin_id => p_turn_id,
        p_lease_ms => p_lease_ms, p_history_messages => p_history_messages, p_history_tokens => p_history_tokens,
        p_window_size => p_window_size, p_reserved => p_reserved, p_reserved_on => p_reserved_on,
        p_may_begin => p_may_begin, p_retention => p_retention, p_assistants => p_assistants);
    end if;
  end if;

  v_begun := row('begun', p_conversation_id, p_turn_id, p_user_message_id, p_message_id, 1, p_model, '[]', '[]', false,
    '{"position": 1, "start": null, "is_whole": true, "summary": null}', false, null, null,
    p_assistant);
  if p_is_new and p_may_begin then
    -- The answer's position is given out together with the message's.
    insert into colloquy.conversations
      (user_id, id, title, assistant, last_position, last_turn_id, created_at, updated_at, last_turn_at, expires_at)
    values
      (p_user_id, p_conversation_id, p_title, p_assistant, 2, p_turn_id, v_now, v_now, v_now,
       colloquy.expiry_of(null, v_now, false, false, p_retention))
    on conflict do nothing
    returning 1 into v_position;
    if v_position is not null and p_retention is not null then
      perform colloquy.schedule_removal(p_user_id, p_conversation_id);
    end if;
  end if;

  if v_position is null then
    v_lock := colloquy.lock_conversation(p_user_id, p_conversation_id, false);
    if v_lock.outcome <> 'held' then
      v_begun.outcome := case when p_is_new and not p_may_begin then 'limited' else v_lock.outcome end;
    else
      -- In a statement of its own: after a wait for the lock it sees what the holder has written.
      select t.id, t.status, t.begun_by, t.lease_until, t.position, t.answer_position, t.user_message_id, t.message_id,
        t.window_starts
      into v_last
      from colloquy.turns t
      where t.user_id = p_user_id and t.id = v_lock.last_turn_id;
      v_parent_id := v_last.message_id;
      v_window_starts := v_last.window_starts;
      v_path := v_lock.active_path;
      v_active_path := v_path;
      -- The active branch goes on to the conversation's end, unless another one was chosen.
      if p_place is not null or not upper_inf(v_path) or (v_lock.last_turn_id is null and v_lock.last_position > 0) then
        v_place := colloquy.place_turn(
          p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_place => p_place, p_target_id => p_target_id,
          p_active_path => v_path, p_last_position => v_lock.last_position);
        v_is_placed := true;
        -- The answer of a turn that runs is awaited, like any other end.
        v_refusal := case
          when v_place.outcome = 'message-not-found' and v_last.status = 'running' and v_last.message_id = p_target_id then null
          else nullif(v_place.outcome, 'placed') end;
      end if;
      -- One that has been made by an earlier try of this begin has what the entry says.
      if not p_is_new and (v_lock.assistant is not null or p_assistant is not null) then
        v_begun.assistant := v_lock.assistant;
        v_choice := colloquy.choose_assistant(
          p_assistant => v_lock.assistant, p_asked => p_assistant, p_assistants => p_assistants);
        if v_choice.outcome = 'chosen' then
          v_model := v_choice.model;
          v_window_size := v_choice.window_size;
          v_history_tokens := v_choice.history_tokens;
          v_begun.model := v_model;
        else
          v_refusal := coalesce(v_refusal, v_choice.outcome);
        end if;
      end if;
      v_now := colloquy.clock();
      if v_last.begun_by = p_turn_id and v_last.status = 'running' then
        v_window := colloquy.turn_window(
          p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_position => v_last.position,
          p_is_again => v_last.answer_position is not null,
          p_start => (v_last.window_starts ->> v_window_size::text)::integer,
          p_messages => p_history_messages, p_tokens => v_history_tokens);
        v_begun.user_message_id := v_last.user_message_id;
        v_begun.message := v_window.message;
        v_begun.history := v_window.history;
        v_begun.window_state := v_window.window_state;
        v_begun.is_repeated := true;
        return v_begun;
      elsif v_last.begun_by = p_turn_id then
        v_begun.outcome := 'ended';
        return v_begun;
      elsif v_refusal is not null then
        v_begun.outcome := v_refusal;
      elsif v_last.status = 'running' then
        v_begun.outcome := 'busy';
        v_begun.turn_id := v_last.id;
        v_begun.is_lapsed := v_last.lease_until < v_now;
      elsif not p_may_begin then
        v_begun.outcome := 'limited';
      else
        if v_is_placed then
          v_parent_id := v_place.parent_id;
          v_window_starts := v_place.window_starts;
          v_path := v_place.ancestors;
          v_active_path := nullif(v_path + int4multirange(int4range(v_lock.last_position + 1, null)), '{[1,)}');
          if v_lock.last_position > 0 and upper(v_path) is distinct from v_lock.last_position + 1 then
            perform colloquy.add_branch(
              p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_position => v_lock.last_position + 1,
              p_parent_position => v_place.parent_position, p_ancestors => v_path);
          end if;
        end if;
        update colloquy.conversations c
        set last_position = c.last_position + v_given, last_turn_id = p_turn_id, title = coalesce(c.title, p_title),
          active_path = v_active_path, updated_at = v_now, last_turn_at = v_now,
          expires_at = colloquy.expiry_of(c.own_expires_at, v_now, c.pinned, c.archived, p_retention)
        where c.user_id = p_user_id and c.id = p_conversation_id
        returning c.last_position - v_given + 1, c.summary_position, c.expires_at
        into v_position, v_summary_position, v_expires_at;
        if v_expires_at < v_lock.expires_at or (v_lock.expires_at is null and v_expires_at is not null) then
          perform colloquy.schedule_removal(p_user_id, p_conversation_id);
        end if;
        -- So that a search looks at what is past the segments of the conversation, where it has any.
        insert into colloquy.search_tails (user_id, conversation_id, sealed_position)
        select i.user_id, p_conversation_id, v_position - 1
        from colloquy.search_indexes i
        where i.user_id = p_user_id and i.sealed_to >= p_conversation_id
        on conflict do nothing;
      end if;
    end if;
  end if;

  if v_position is null then
    if p_key_hash is not null then
      delete from colloquy.idempotency_keys k where k.user_id = p_user_id and k.key_hash = p_key_hash;
    end if;
    return v_begun;
  end if;

  v_question_position := v_position;
  if p_place = 'again' then
    v_question_position := v_place.parent_position;
    v_answer_position := v_position;
    v_begun.user_message_id := v_parent_id;
    v_begun.message := v_place.question;
  end if;
  insert into colloquy.turns
    (user_id, id, conversation_id, position, answer_position, status, attempt, begun_by, lease_until, user_message_id,
     message_id, model, window_starts, reserved, reserved_on, created_at)
  values
    (p_user_id, p_turn_id, p_conversation_id, v_question_position, v_answer_position, 'running', 1, p_turn_id,
     v_now + p_lease_ms * interval '1 millisecond', v_begun.user_message_id, p_message_id, v_model,
     v_window_starts, p_reserved, p_reserved_on, v_now);
  if v_answer_position is null then
    insert into colloquy.messages
      (user_id, conversation_id, position, id, turn_id, parent_id, role, status, content, created_at)
    values
      (p_user_id, p_conversation_id, v_position, p_user_message_id, p_turn_id, v_parent_id, 'user', 'completed', p_message,
       v_now);
  end if;
  if v_position > 1 then
    v_window := colloquy.history_window(
      p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_before => v_question_position,
      p_start => (v_window_starts ->> v_window_size::text)::integer, p_path => v_path,
      p_summary_position => v_summary_position, p_messages => p_history_messages, p_tokens => v_history_tokens);
    v_begun.history := v_window.history;
    v_begun.window_state := v_window.window_state;
  end if;
  return v_begun;
end
$$;

--
-- Name: begin_turns(json, boolean, text); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.begin_turns(p_entries json, p_may_wait boolean, p_user_id text DEFAULT ''::text) RETURNS TABLE(entry integer, outcome text, conversation_id uuid, turn_id uuid, user_message_id uuid, message_id uuid, attempt integer, model text, history json, done_calls jsonb, is_lapsed boolean, window_state json, refusal json, message text, assistant text)
    LANGUAGE plpgsql
    AS $$
declare
  v_entry record;
  v_begun colloquy.begun;
  v_count record;
  v_is_counted boolean;
  v_refusal json;
  v_user_id text;
  -- the conversation of the key
  v_known_id uuid;
  -- Of the budget for all users: the day, what was spent of it, its own and its month's; null until it is looked at.
  v_day date;
  v_day_spent bigint;
  v_month_spent bigint;
  v_per_day bigint;
  v_per_month bigint;
  v_reserved bigint := 0;
begin
  perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  for v_entry in
    select row_number() over () as number, e.*
    from json_to_recordset(p_entries) as e (
      user_id text, conversation_id uuid, is_new boolean, turn_id uuid, user_message_id uuid, message_id uuid,
      message text, title text, place text, target_id uuid, model text, lease_ms integer,
      history_messages integer, history_tokens integer, window_size integer, key_hash text, fingerprint text, has_waited boolean,
      running_turns integer, turns_per_minute integer, turns_per_day integer, tokens_per_day bigint,
      reserved bigint, budget_per_day bigint, budget_per_month bigint, total_per_day bigint, total_per_month bigint,
      refusal json, retention json, assistant text, assistants json)
    order by e.user_id collate "C", e.key_hash collate "C", e.conversation_id, number
  loop
    if v_day is null and (v_entry.total_per_day is not null or v_entry.total_per_month is not null) then
      perform colloquy.act_as(null);
      v_user_id := null;
      v_day := (colloquy.clock() at time zone 'UTC')::date;
      select s.days[extract(day from v_day)::integer], s.spent into v_day_spent, v_month_spent
      from colloquy.total_spending s
      where s.user_id = '' and s.month = date_trunc('month', v_day::timestamp)::date;
      if not found then
        v_day_spent := 0;
        v_month_spent := 0;
      end if;
    end if;
    if v_user_id is distinct from v_entry.user_id then
      v_user_id := v_entry.user_id;
      perform colloquy.act_as(v_user_id);
    end if;
    if p_may_wait then
      -- In a statement of its own: Citus would send one that reads a table with the call to the shard, where none can be nested.
      select k.conversation_id into v_known_id
      from colloquy.idempotency_keys k
      where k.user_id = v_user_id and k.key_hash = decode(v_entry.key_hash, 'hex');
      perform colloquy.lock_conversation(v_user_id, coalesce(v_known_id, v_entry.conversation_id), true);
    end if;
    -- Programs that know no limits give none.
    v_is_counted := false;
    v_refusal := v_entry.refusal;
    if v_entry.running_turns is not null and v_refusal is null then
      if v_entry.turns_per_minute is null and v_entry.turns_per_day is null and v_entry.tokens_per_day is null
        and v_entry.budget_per_day is null and v_entry.budget_per_month is null then
        -- What count_turn would write for a user who is far from the limit.
        update colloquy.turn_counts c
        set running = c.running || v_entry.turn_id
        where c.user_id = v_user_id and cardinality(c.running) < least(v_entry.running_turns, 64)
          and v_entry.turn_id <> all (c.running);
        v_is_counted := found;
      end if;
      if not v_is_counted then
        v_count := colloquy.count_turn(
          p_user_id => v_user_id, p_turn_id => v_entry.turn_id, p_running_turns => v_entry.running_turns,
          p_turns_per_minute => v_entry.turns_per_minute, p_turns_per_day => v_entry.turns_per_day,
          p_tokens_per_day => v_entry.tokens_per_day,
          p_reserved => case
            when v_entry.budget_per_day is not null or v_entry.budget_per_month is not null then v_entry.reserved end,
          p_budget_per_day => v_entry.budget_per_day, p_budget_per_month => v_entry.budget_per_month);
        v_is_counted := v_count.is_counted;
        v_refusal := v_count.refusal;
      end if;
    end if;
    if v_refusal is null then
      v_refusal := case
        when v_day_spent + v_reserved + coalesce(v_entry.reserved, 0) > v_entry.total_per_day then
          json_build_object('limit', 'budget', 'max', v_entry.total_per_day, 'lapsed', '[]'::json, 'reset_s',
            ceil(extract(epoch from (v_day + 1)::timestamp at time zone 'UTC' - colloquy.clock())))
        when v_month_spent + v_reserved + coalesce(v_entry.reserved, 0) > v_entry.total_per_month then
          json_build_object('limit', 'budget', 'max', v_entry.total_per_month, 'lapsed', '[]'::json, 'reset_s',
            ceil(extract(epoch from
              (date_trunc('month', v_day::timestamp) + interval '1 month') at time zone 'UTC' - colloquy.clock())))
      end;
    end if;
    v_begun := colloquy.begin_turn(
      p_user_id => v_user_id, p_conversation_id => v_entry.conversation_id, p_is_new => v_entry.is_new,
      p_turn_id => v_entry.turn_id, p_user_message_id => v_entry.user_message_id, p_message_id => v_entry.message_id,
      p_message => v_entry.message, p_title => v_entry.title, p_place => v_entry.place,
      p_target_id => v_entry.target_id, p_model => v_entry.model, p_lease_ms => v_entry.lease_ms,
      p_history_messages => v_entry.history_messages, p_history_tokens => v_entry.history_tokens,
      p_window_size => v_entry.window_size,
      p_key_hash => decode(v_entry.key_hash, 'hex'), p_fingerprint => decode(v_entry.fingerprint, 'hex'),
      p_reserved => v_entry.reserved,
      p_reserved_on => case when v_entry.total_per_day is not null or v_entry.total_per_month is not null then v_day end,
      p_may_begin => v_refusal is null, p_retention => v_entry.retention,
      p_assistant => v_entry.assistant, p_assistants => v_entry.assistants);
    if v_is_counted
      and (v_begun.outcome <> 'begun' or v_begun.is_repeated or v_begun.turn_id <> v_entry.turn_id) then
      perform colloquy.settle_count(
        p_user_id => v_user_id, p_turn_id => v_entry.turn_id,
        p_begun_id => case when v_begun.outcome = 'begun' and v_begun.is_repeated is not true then v_begun.turn_id end,
        p_is_minute => v_entry.turns_per_minute is not null, p_is_day => v_entry.turns_per_day is not null);
    end if;
    if v_begun.outcome = 'begun' and v_begun.is_repeated is not true
      and (v_entry.total_per_day is not null or v_entry.total_per_month is not null) then
      v_reserved := v_reserved + coalesce(v_entry.reserved, 0);
      v_per_day := least(v_per_day, v_entry.total_per_day);
      v_per_month := least(v_per_month, v_entry.total_per_month);
    end if;
    if v_entry.has_waited and v_begun.outcome not in ('busy', 'locked') then
      delete from colloquy.waiting_messages w where w.user_id = v_user_id and w.turn_id = v_entry.turn_id;
    end if;
    entry := v_entry.number;
    outcome := v_begun.outcome;
    conversation_id := v_begun.conversation_id;
    turn_id := v_begun.turn_id;
    user_message_id := v_begun.user_message_id;
    message_id := v_begun.message_id;
    attempt := v_begun.attempt;
    model := v_begun.model;
    history := v_begun.history;
    done_calls := v_begun.done_calls;
    is_lapsed := v_begun.is_lapsed;
    window_state := v_begun.window_state;
    refusal := case when v_begun.outcome = 'limited' then v_refusal end;
    message := v_begun.message;
    assistant := v_begun.assistant;
    return next;
  end loop;
  if v_reserved > 0 then
    perform colloquy.act_as(null);
    if not colloquy.reserve_total(
      p_day => v_day, p_amount => v_reserved, p_per_day => v_per_day, p_per_month => v_per_month) then
      raise exception 'others have taken the rest of the budget for all users' using errcode = 'CQ001';
    end if;
  end if;
end
$$;

--
-- Name: cancel_turn(text, uuid); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.cancel_turn(p_user_id text, p_turn_id uuid) RETURNS TABLE(outcome text)
    LANGUAGE plpgsql
    AS $$
begin
  perform colloquy.act_as(p_user_id);
  outcome := 'not-found';
  if not exists (
    select
    from colloquy.turns t
    join colloquy.conversations c on c.user_id = p_user_id and c.id = t.conversation_id
    where t.user_id = p_user_id and t.id = p_turn_id and colloquy.is_live(c.expires_at)
  ) then
    return next;
    return;
  end if;
  update colloquy.turns t
  set cancel_requested = true
  where t.user_id = p_user_id and t.id = p_turn_id and t.status = 'running';
  outcome := case
    when found then 'requested'
    when exists (select from colloquy.turns t where t.user_id = p_user_id and t.id = p_turn_id) then 'ended'
    else 'not-found'
  end;
  return next;
end
$$;

--
-- Name: choose_assistant(text, text, json); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.choose_assistant(p_assistant text, p_asked text, p_assistants json, OUT outcome text, OUT model text, OUT window_size integer, OUT history_tokens integer) RETURNS record
    LANGUAGE plpgsql IMMUTABLE
    AS $$
declare
  v_choice json;
begin
  if p_asked is not null and p_asked is distinct from p_assistant then
    outcome := 'other-assistant';
    return;
  end if;
  v_choice := p_assistants -> p_assistant;
  outcome := case coalesce(json_typeof(v_choice), 'none')
    when 'object' then 'chosen'
    when 'null' then 'unfit-model'
    else 'assistant-unavailable' end;
  model := v_choice ->> 'model';
  window_size := (v_choice ->> 'window_size')::integer;
  history_tokens := (v_choice ->> 'history_tokens')::integer;
end
$$;

--
-- Name: claim_summary(text, uuid, uuid, integer, integer, integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.claim_summary(p_user_id text, p_conversation_id uuid, p_claim uuid, p_lease_ms integer, p_before integer, p_bytes integer) RETURNS TABLE(summary text, history json)
    LANGUAGE plpgsql
    AS $$
declare
  v_conversation record;
  v_path int4multirange;
  v_through integer := 0;
begin
  perform colloquy.act_as(p_user_id);
  select c.summary_position, c.summary_claimed_until, c.active_path into v_conversation
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id and colloquy.is_live(c.expires_at)
  for no key update;
  if not found or v_conversation.summary_claimed_until >= colloquy.clock() then
    return;
  end if;
  if v_conversation.active_path is not null then
    v_path := colloquy.path_to(
      p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_position => p_before);
    v_conversation.summary_position := colloquy.path_summary(
      p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_newest => v_conversation.summary_position,
      p_path => v_path, p_before => p_before);
  end if;
  if v_conversation.summary_position is not null then
    select m.content, m.summarized_through into summary, v_through
    from colloquy.messages m
    where m.user_id = p_user_id and m.conversation_id = p_conversation_id
      and m.position = v_conversation.summary_position;
  end if;

  select json_agg(json_build_object('user', w.question, 'assistant', w.answer, 'tools', w.tools) order by w.position)
  into history
  from (
    select t.position, t.question, t.answer, t.tools,
      sum(octet_length(t.question) + octet_length(t.answer)) over (order by t.position desc) as bytes
    from (
      select a.position, left(a.question, p_bytes / 8) as question, left(a.answer, p_bytes / 8) as answer,
        (select string_agg(call ->> 'name', ', ') from jsonb_array_elements(a.tool_calls) call) as tools
      from (
        select m.position, m.role, m.status, m.content as answer, m.tool_calls,
          lead(m.content) over (order by m.position desc) as question
        from colloquy.messages m
        where m.user_id = p_user_id and m.conversation_id = p_conversation_id
          and m.position > v_through and m.position < p_before and (v_path is null or v_path @> m.position)
        order by m.position desc
        limit 2000
      ) a
      where a.role = 'assistant' and (a.status = 'completed' or (a.status = 'cancelled' and a.answer <> ''))
        and a.question is not null
    ) t
  ) w
  where w.bytes <= p_bytes;
  if history is null then
    return;
  end if;
  update colloquy.conversations c
  set summary_claim = p_claim, summary_claimed_until = colloquy.stable_clock() + p_lease_ms * interval '1 millisecond'
  where c.user_id = p_user_id and c.id = p_conversation_id;
  return next;
end
$$;

--
-- Name: clock(); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.clock() RETURNS timestamp with time zone
    LANGUAGE sql
    AS $$ select pg_catalog.clock_timestamp() $$;

--
-- Name: copied_id(uuid, uuid); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.copied_id(p_id uuid, p_copy uuid) RETURNS uuid
    LANGUAGE plpgsql IMMUTABLE STRICT
    AS $$
declare
  v_hash text;
begin
  v_hash := md5(p_copy::text || p_id::text);
  return left(replace(p_id::text, '-', ''), 12) || '7' || substr(v_hash, 1, 3) || 'a' || substr(v_hash, 4, 15);
end
$$;

--
-- Name: count_turn(text, uuid, integer, integer, integer, bigint, bigint, bigint, bigint); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.count_turn(p_user_id text, p_turn_id uuid, p_running_turns integer, p_turns_per_minute integer, p_turns_per_day integer, p_tokens_per_day bigint, p_reserved bigint, p_budget_per_day bigint, p_budget_per_month bigint, OUT is_counted boolean, OUT refusal json) RETURNS record
    LANGUAGE plpgsql
    AS $$
declare
  v_now timestamptz(3);
  v_day date;
  v_counts record;
  v_lapsed json;
  v_day_spent bigint;
  v_month_spent bigint;
  v_reserved bigint;
begin
  is_counted := false;
  -- Somebody may delete the row between the two statements.
  loop
    select c.running, c.minute_started_at, c.minute_turns, c.day, c.day_turns into v_counts
    from colloquy.turn_counts c
    where c.user_id = p_user_id
    for no key update;
    exit when found;
    v_now := colloquy.clock();
    insert into colloquy.turn_counts (user_id, running, minute_started_at, minute_turns, day, day_turns)
    values (p_user_id, '{}', v_now, 0, (v_now at time zone 'UTC')::date, 0)
    on conflict do nothing;
  end loop;
  if p_turn_id = any (v_counts.running) then
    return;
  end if;
  v_now := colloquy.clock();
  v_day := greatest(v_counts.day, (v_now at time zone 'UTC')::date);
  if v_counts.minute_started_at <= v_now - interval '1 minute' then
    v_counts.minute_started_at := v_now;
    v_counts.minute_turns := 0;
  end if;
  if v_counts.day < v_day then
    v_counts.day_turns := 0;
  end if;
  -- Those that have ended are looked for when there are as many as may run, or so many that the row gets long. In a
  -- statement of its own: it sees the turns of those who had the lock before. A turn whose lease has run out still
  -- counts: an outage of the database lets all leases run out, and most of those turns go on.
  if cardinality(v_counts.running) >= least(p_running_turns, 64) or p_reserved is not null then
    v_counts.running := array(
      select r.id
      from unnest(v_counts.running) with ordinality as r (id, n)
      join colloquy.turns t on t.user_id = p_user_id and t.id = r.id
      where t.status = 'running'
      order by r.n);
  end if;
  if p_reserved is not null or p_running_turns <= cardinality(v_counts.running) then
    v_lapsed := (
      select coalesce(json_agg(t.id order by t.id), '[]')
      from colloquy.turns t
      where t.user_id = p_user_id and t.id = any (v_counts.running) and t.lease_until < v_now);
  end if;

  if p_reserved is not null then
    -- One statement, which sees a turn that ends either among what is reserved or among what was spent: both change in one
    -- transaction.
    select coalesce(sum(u.cost) filter (where u.day >= v_day), 0), coalesce(sum(u.cost), 0),
      (
        select coalesce(sum(t.reserved), 0)
        from colloquy.turns t
        where t.user_id = p_user_id and t.id = any (v_counts.running) and t.status = 'running'
      ) + p_reserved
    into v_day_spent, v_month_spent, v_reserved
    from colloquy.usage u
    where u.user_id = p_user_id and u.day >= date_trunc('month', v_day::timestamp)::date;
  end if;

  refusal := case
    when cardinality(v_counts.running) >= p_running_turns then
      json_build_object('limit', 'running-turns', 'max', p_running_turns, 'lapsed', v_lapsed, 'reset_s', null)
    when v_counts.minute_turns >= p_turns_per_minute then
      json_build_object('limit', 'turns-per-minute', 'max', p_turns_per_minute, 'lapsed', '[]'::json, 'reset_s',
        ceil(extract(epoch from v_counts.minute_started_at + interval '1 minute' - v_now)))
    when v_counts.day_turns >= p_turns_per_day then
      json_build_object('limit', 'turns-per-day', 'max', p_turns_per_day, 'lapsed', '[]'::json, 'reset_s',
        ceil(extract(epoch from (v_day + 1)::timestamp at time zone 'UTC' - v_now)))
    when p_tokens_per_day <= (
      select coalesce(sum(u.total_tokens), 0)
      from colloquy.usage u
      where u.user_id = p_user_id and u.day = v_day) then
      json_build_object('limit', 'tokens-per-day', 'max', p_tokens_per_day, 'lapsed', '[]'::json, 'reset_s',
        ceil(extract(epoch from (v_day + 1)::timestamp at time zone 'UTC' - v_now)))
    -- What running turns have reserved may come back at any time.
    when v_day_spent + v_reserved > p_budget_per_day then
      json_build_object('limit', 'budget-per-day', 'max', p_budget_per_day, 'lapsed', v_lapsed, 'reset_s',
        case when v_day_spent + p_reserved > p_budget_per_day then
          ceil(extract(epoch from (v_day + 1)::timestamp at time zone 'UTC' - v_now)) end)
    when v_month_spent + v_reserved > p_budget_per_month then
      json_build_object('limit', 'budget-per-month', 'max', p_budget_per_month, 'lapsed', v_lapsed, 'reset_s',
        case when v_month_spent + p_reserved > p_budget_per_month then
          ceil(extract(epoch from
            (date_trunc('month', v_day::timestamp) + interval '1 month') at time zone 'UTC' - v_now)) end)
  end;
  is_counted := refusal is null;
  if is_counted then
    update colloquy.turn_counts c
    set running = v_counts.running || p_turn_id,
      minute_started_at = v_counts.minute_started_at,
      minute_turns = v_counts.minute_turns + case when p_turns_per_minute is null then 0 else 1 end,
      day = v_day,
      day_turns = v_counts.day_turns + case when p_turns_per_day is null then 0 else 1 end
    where c.user_id = p_user_id;
  end if;
end
$$;

--
-- Name: delete_conversation(text, uuid, integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.delete_conversation(p_user_id text, p_conversation_id uuid, p_rows integer DEFAULT 10000) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare
  v_last_position integer;
begin
  perform colloquy.act_as(p_user_id);
  select c.last_position into v_last_position
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id and colloquy.is_live(c.expires_at)
  for update;
  if not found then
    return false;
  end if;
  perform colloquy.delete_conversations(
    p_user_id => p_user_id, p_conversation_ids => array[p_conversation_id],
    p_rows => case when v_last_position > p_rows then p_rows end);
  perform colloquy.note_update(p_user_id, p_conversation_id, 'conversation-deleted');
  return true;
end
$$;

--
-- Name: delete_conversations(text, uuid[], integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.delete_conversations(p_user_id text, p_conversation_ids uuid[], p_rows integer DEFAULT NULL::integer) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
declare
  v_running uuid[];
  v_some uuid[];
  v_cost record;
  v_costs jsonb;
  v_reservations jsonb;
  v_events bigint;
  v_turns bigint;
  v_messages bigint;
  v_feedback bigint;
  v_conversations bigint;
  v_is_all boolean;
begin
  select array_agg(r.id) into v_running
  from (
    -- Only the last turn of a conversation runs, so the others need not be read, part by part.
    select t.id
    from colloquy.conversations c
    join colloquy.turns t on t.user_id = c.user_id and t.id = c.last_turn_id
    where c.user_id = p_user_id and c.id = any (p_conversation_ids) and t.status = 'running'
    order by t.id
    for update of t
  ) r;
  if v_running is not null then
    v_costs := (
      select jsonb_object_agg(r.model, r.reserved)
      from (
        select t.model, sum(t.reserved) as reserved
        from colloquy.turns t
        where t.user_id = p_user_id and t.id = any (v_running) and t.reserved is not null
        group by t.model
      ) r);
    v_reservations := (
      select jsonb_agg(r)
      from (
        select t.id as turn_id, t.attempt, t.reserved, t.reserved_on
        from colloquy.turns t
        where t.user_id = p_user_id and t.id = any (v_running) and t.reserved > 0 and t.reserved_on is not null
      ) r);
  end if;
  delete from colloquy.turn_events e where e.user_id = p_user_id and e.turn_id = any (v_running);
  get diagnostics v_events = row_count;
  if p_rows is null then
    delete from colloquy.turns t where t.user_id = p_user_id and t.conversation_id = any (p_conversation_ids);
    get diagnostics v_turns = row_count;
    delete from colloquy.messages m where m.user_id = p_user_id and m.conversation_id = any (p_conversation_ids);
    get diagnostics v_messages = row_count;
    -- After their messages, which whoever rates one has locked.
    delete from colloquy.feedback f where f.user_id = p_user_id and f.conversation_id = any (p_conversation_ids);
    get diagnostics v_feedback = row_count;
    v_is_all := true;
  else
    select array_agg(s.id) into v_some
    from (
      select t.id
      from colloquy.turns t
      where t.user_id = p_user_id and t.conversation_id = any (p_conversation_ids)
      limit p_rows
    ) s;
    -- The running ones first, since what they cost is counted now.
    delete from colloquy.turns t where t.user_id = p_user_id and (t.id = any (v_some) or t.id = any (v_running));
    get diagnostics v_turns = row_count;
    select array_agg(s.id) into v_some
    from (
      select m.id
      from colloquy.messages m
      where m.user_id = p_user_id and m.conversation_id = any (p_conversation_ids)
      limit p_rows
    ) s;
    delete from colloquy.messages m where m.user_id = p_user_id and m.id = any (v_some);
    get diagnostics v_messages = row_count;
    delete from colloquy.feedback f
    where f.user_id = p_user_id and f.conversation_id = any (p_conversation_ids) and f.message_id = any (v_some);
    get diagnostics v_feedback = row_count;
    v_is_all := greatest(v_turns, v_messages) < p_rows;
  end if;
  perform colloquy.unindex_conversations(p_user_id => p_user_id, p_conversation_ids => p_conversation_ids);
  v_conversations := 0;
  if v_is_all then
    delete from colloquy.removals r where r.user_id = p_user_id and r.conversation_id = any (p_conversation_ids);
    delete from colloquy.conversations c where c.user_id = p_user_id and c.id = any (p_conversation_ids);
    get diagnostics v_conversations = row_count;
  else
    update colloquy.conversations c
    set own_expires_at = '-infinity', expires_at = '-infinity'
    where c.user_id = p_user_id and c.id = any (p_conversation_ids) and c.own_expires_at is distinct from '-infinity';
    if found then
      insert into colloquy.removals (user_id, conversation_id, remove_at)
      select p_user_id, i.id, '-infinity'
      from unnest(p_conversation_ids) i (id)
      on conflict on constraint removals_pkey do update
      set remove_at = excluded.remove_at;
    end if;
  end if;
  -- As when they are interrupted: what the running ones have reserved of a budget is what they cost.
  for v_cost in
    select c.key as model, c.value::bigint as reserved
    from jsonb_each_text(v_costs) c
    order by c.key collate "C"
  loop
    perform colloquy.add_usage(
      p_user_id => p_user_id, p_at => colloquy.clock(), p_model => v_cost.model, p_turns => 0, p_input_tokens => 0,
      p_output_tokens => 0, p_cached_input_tokens => 0, p_reasoning_tokens => 0, p_total_tokens => 0,
      p_cost => v_cost.reserved);
  end loop;
  -- The budget for all users is given back what they turn out not to have cost.
  if v_reservations is not null then
    perform colloquy.keep_reservations(v_reservations);
    perform colloquy.act_as(p_user_id);
  end if;
  return jsonb_build_object(
    'conversations', v_conversations, 'turns', v_turns, 'messages', v_messages,
    'feedback', v_feedback, 'stream_events', v_events);
end
$$;

--
-- Name: distribute_functions(text[]); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.distribute_functions(p_called text[]) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_function record;
  v_count integer;
begin
  -- Else no function can be made on the nodes after a table was changed in the same transaction.
  set local citus.multi_shard_modify_mode = 'sequential';
  v_count := 0;
  for v_function in
    select p.oid::regprocedure as id, colloquy.is_delegated(p.oid, p_called) as is_delegated
    from pg_proc p
    left join pg_dist_object d on d.classid = 'pg_proc'::regclass and d.objid = p.oid
    where p.pronamespace = 'colloquy'::regnamespace
      and (d.objid is null or (d.distribution_argument_index is null and colloquy.is_delegated(p.oid, p_called)))
    order by p.oid
  loop
    if v_function.is_delegated then
      perform create_distributed_function(v_function.id, 'p_user_id', colocate_with => 'colloquy.conversations');
    else
      perform create_distributed_function(v_function.id);
    end if;
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;

--
-- Name: distribute_table(regclass, integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.distribute_table(p_table regclass, p_shards integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- Foreign keys need one connection a node, and not one a shard.
  set local citus.multi_shard_modify_mode = 'sequential';
  execute format('alter table %s no force row level security', p_table);
  if p_table = 'colloquy.conversations'::regclass then
    perform create_distributed_table(p_table, 'user_id', colocate_with => 'none', shard_count => p_shards);
  else
    perform create_distributed_table(p_table, 'user_id', colocate_with => 'colloquy.conversations');
  end if;
  execute format('alter table %s force row level security', p_table);
end
$$;

--
-- Name: end_turn(text, uuid, integer, text, text, text, jsonb, integer, jsonb, jsonb, jsonb, integer, integer, integer, integer, integer, integer, integer, bigint, text, text, boolean); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.end_turn(p_user_id text, p_turn_id uuid, p_attempt integer, p_model text, p_status text, p_content text, p_tool_calls jsonb, p_window_tokens integer, p_history_calls jsonb, p_reasoning jsonb, p_continuation jsonb, p_window_size integer, p_window_start integer, p_input_tokens integer, p_output_tokens integer, p_cached_input_tokens integer, p_reasoning_tokens integer, p_total_tokens integer, p_cost bigint, p_error_code text, p_finish_reason text, p_has_events boolean) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare
  v_now timestamptz(3) := colloquy.clock();
  v_turn record;
  -- made here, since Citus takes no function that is merely stable within a case
  v_window_start jsonb := case when p_window_start is not null then jsonb_build_object(p_window_size, p_window_start) end;
begin
  update colloquy.turns t
  set status = p_status,
    model = p_model,
    lease_until = null,
    finished_at = v_now,
    input_tokens = p_input_tokens,
    output_tokens = p_output_tokens,
    cached_input_tokens = p_cached_input_tokens,
    reasoning_tokens = p_reasoning_tokens,
    total_tokens = p_total_tokens,
    cost = p_cost,
    reserved = null,
    reserved_on = null,
    error_code = p_error_code,
    finish_reason = p_finish_reason,
    window_starts = case
      when v_window_start is null then t.window_starts
      else coalesce(t.window_starts, '{}') || v_window_start end
  where t.user_id = p_user_id and t.id = p_turn_id and t.status = 'running' and t.attempt = p_attempt
  returning t.conversation_id, coalesce(t.answer_position, t.position + 1) as answer_position, t.user_message_id, t.message_id
  into v_turn;
  if not found then
    return false;
  end if;

  insert into colloquy.messages
    (user_id, conversation_id, position, id, turn_id, parent_id, role, status, content, tool_calls, window_tokens,
     history_calls, reasoning, continuation, created_at)
  values
    (p_user_id, v_turn.conversation_id, v_turn.answer_position, v_turn.message_id, p_turn_id, v_turn.user_message_id,
     'assistant', p_status, p_content, p_tool_calls, p_window_tokens, p_history_calls,
     p_reasoning, p_continuation, v_now);
  if p_has_events then
    delete from colloquy.turn_events e where e.user_id = p_user_id and e.turn_id = p_turn_id;
  end if;
  return true;
end
$$;

--
-- Name: end_turns(json, boolean, text); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.end_turns(p_entries json, p_may_wait boolean, p_user_id text DEFAULT ''::text) RETURNS TABLE(entry integer, outcome text)
    LANGUAGE plpgsql
    AS $$
declare
  v_entry record;
  v_turn record;
  v_reserved record;
  v_sum record;
  v_user_id text;
  v_may_end boolean;
  v_has_ended boolean;
  v_ended integer[] := '{}';
  v_gone integer[] := '{}';
  -- what is given back of the budget for all users, and of which days
  v_days date[] := '{}';
  v_amounts bigint[] := '{}';
begin
  perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  for v_entry in
    select row_number() over ()::integer as number, e.*
    from json_to_recordset(p_entries) as e (
      user_id text, turn_id uuid, attempt integer, model text, status text, content text, tool_calls jsonb,
      window_tokens integer, history_calls jsonb, reasoning jsonb, continuation jsonb, window_size integer,
      window_start integer, input_tokens integer, output_tokens integer, cached_input_tokens integer,
      reasoning_tokens integer, total_tokens integer, cost bigint, error_code text, finish_reason text,
      has_events boolean)
    order by e.user_id collate "C", e.turn_id, number
  loop
    if v_user_id is distinct from v_entry.user_id then
      v_user_id := v_entry.user_id;
      perform colloquy.act_as(v_user_id);
    end if;
    entry := v_entry.number;
    if p_may_wait then
      select t.reserved, t.reserved_on into v_reserved
      from colloquy.turns t
      where t.user_id = v_user_id and t.id = v_entry.turn_id
      for no key update;
    else
      select t.reserved, t.reserved_on into v_reserved
      from colloquy.turns t
      where t.user_id = v_user_id and t.id = v_entry.turn_id
      for no key update skip locked;
    end if;
    v_may_end := found;
    v_has_ended := v_may_end and colloquy.end_turn(
      p_user_id => v_user_id, p_turn_id => v_entry.turn_id, p_attempt => v_entry.attempt, p_model => v_entry.model,
      p_status => v_entry.status, p_content => v_entry.content, p_tool_calls => v_entry.tool_calls,
      p_window_tokens => v_entry.window_tokens, p_history_calls => v_entry.history_calls,
      p_reasoning => v_entry.reasoning, p_continuation => v_entry.continuation,
      p_window_size => v_entry.window_size, p_window_start => v_entry.window_start,
      p_input_tokens => v_entry.input_tokens, p_output_tokens => v_entry.output_tokens,
      p_cached_input_tokens => v_entry.cached_input_tokens, p_reasoning_tokens => v_entry.reasoning_tokens,
      p_total_tokens => v_entry.total_tokens, p_cost => v_entry.cost,
      p_error_code => v_entry.error_code, p_finish_reason => v_entry.finish_reason, p_has_events => v_entry.has_events);
    if v_has_ended then
      outcome := 'stored';
      v_ended := v_ended || entry;
      if v_reserved.reserved_on is not null then
        v_days := v_days || v_reserved.reserved_on;
        v_amounts := v_amounts || (coalesce(v_reserved.reserved, 0) - coalesce(v_entry.cost, 0));
      end if;
    else
      select t.status, t.attempt into v_turn
      from colloquy.turns t
      where t.user_id = v_user_id and t.id = v_entry.turn_id;
      outcome := case
        when not found then 'not-found'
        when v_turn.attempt = v_entry.attempt and v_turn.status = 'running' then 'locked'
        when v_turn.attempt = v_entry.attempt and v_turn.status = v_entry.status then 'stored'
        else 'fenced'
      end;
      if outcome = 'not-found' then
        v_gone := v_gone || entry;
      end if;
    end if;
    return next;
  end loop;

  for v_sum in
    select e.user_id, e.model, count(*) filter (where e.attempt = 1) as turns, sum(e.input_tokens) as input_tokens,
      sum(e.output_tokens) as output_tokens, sum(e.cached_input_tokens) as cached_input_tokens,
      sum(e.reasoning_tokens) as reasoning_tokens,
      sum(e.total_tokens) as total_tokens, sum(e.cost) as cost
    from (
      select row_number() over () as number, each.*
      from json_to_recordset(p_entries) as each (
        user_id text, model text, attempt integer, input_tokens bigint, output_tokens bigint, cached_input_tokens bigint,
        reasoning_tokens bigint, total_tokens bigint, cost bigint)
    ) e
    where e.number = any (v_ended)
    group by e.user_id, e.model
    order by e.user_id collate "C", e.model collate "C"
  loop
    if v_user_id is distinct from v_sum.user_id then
      v_user_id := v_sum.user_id;
      perform colloquy.act_as(v_user_id);
    end if;
    -- The first attempt counts the turn, every attempt its tokens.
    perform colloquy.add_usage(
      p_user_id => v_user_id, p_at => colloquy.clock(), p_model => v_sum.model, p_turns => v_sum.turns,
      p_input_tokens => v_sum.input_tokens::bigint, p_output_tokens => v_sum.output_tokens::bigint,
      p_cached_input_tokens => v_sum.cached_input_tokens::bigint,
      p_reasoning_tokens => v_sum.reasoning_tokens::bigint, p_total_tokens => v_sum.total_tokens::bigint,
      p_cost => v_sum.cost::bigint);
  end loop;
  if v_gone <> '{}' then
    perform colloquy.act_as(null);
    for v_entry in
      select e.turn_id, e.attempt, e.cost
      from (
        select row_number() over () as number, each.*
        from json_to_recordset(p_entries) as each (turn_id uuid, attempt integer, cost bigint)
      ) e
      where e.number = any (v_gone)
      order by e.turn_id
    loop
      delete from colloquy.total_reservations r
      where r.user_id = '' and r.turn_id = v_entry.turn_id and r.attempt = v_entry.attempt
      returning r.reserved, r.reserved_on into v_reserved;
      if found then
        v_days := v_days || v_reserved.reserved_on;
        v_amounts := v_amounts || (v_reserved.reserved - coalesce(v_entry.cost, v_reserved.reserved));
      end if;
    end loop;
  end if;
  if v_days <> '{}' then
    perform colloquy.settle_total(p_days => v_days, p_amounts => v_amounts);
  end if;
end
$$;

--
-- Name: erase_user(text, integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.erase_user(p_user_id text, p_rows integer) RETURNS TABLE(is_done boolean, erased jsonb)
    LANGUAGE plpgsql
    AS $$
declare
  v_ids uuid[];
  v_rows bigint;
  v_orphans bigint;
  v_keys bigint;
  v_usage bigint;
  v_counts bigint;
  v_waiting bigint;
  v_updates bigint;
  v_streams bigint;
begin
  perform colloquy.act_as(p_user_id);
  select array_agg(n.id), max(n.rows_through) into v_ids, v_rows
  from (
    select c.id, sum(c.last_position + 1) over newest_first as rows_through, row_number() over newest_first as number
    from colloquy.conversations c
    where c.user_id = p_user_id
    window newest_first as (order by c.archived, c.last_turn_at desc, c.id desc)
    order by c.archived, c.last_turn_at desc, c.id desc
    limit greatest(1, p_rows / 10)
  ) n
  where n.rows_through <= p_rows or n.number = 1;
  if v_ids is not null then
    select array_agg(l.id) into v_ids
    from (
      select c.id
      from colloquy.conversations c
      where c.user_id = p_user_id and c.id = any (v_ids)
      order by c.id
      for update
    ) l;
    -- Whole, and not conversation by conversation.
    delete from colloquy.search_indexes i where i.user_id = p_user_id;
    delete from colloquy.search_segments s where s.user_id = p_user_id;
    delete from colloquy.search_tails t where t.user_id = p_user_id;
    is_done := false;
    erased := colloquy.delete_conversations(
      p_user_id => p_user_id, p_conversation_ids => v_ids, p_rows => case when v_rows > p_rows then p_rows end);
    -- So that those who follow the user read everything again.
    delete from colloquy.update_streams s where s.user_id = p_user_id;
    get diagnostics v_streams = row_count;
    erased := erased || jsonb_build_object('updates', v_streams);
    return next;
    return;
  end if;

  -- Before the keys, as begins do.
  delete from colloquy.turn_counts c where c.user_id = p_user_id;
  get diagnostics v_counts = row_count;
  delete from colloquy.waiting_messages w where w.user_id = p_user_id;
  get diagnostics v_waiting = row_count;
  -- A message has no foreign key to its conversation.
  delete from colloquy.messages m
  where m.user_id = p_user_id
    and not exists (select from colloquy.conversations c where c.user_id = p_user_id and c.id = m.conversation_id);
  get diagnostics v_orphans = row_count;
  delete from colloquy.idempotency_keys k
  where k.user_id = p_user_id
    and not exists (select from colloquy.conversations c where c.user_id = p_user_id and c.id = k.conversation_id);
  get diagnostics v_keys = row_count;
  delete from colloquy.usage u where u.user_id = p_user_id;
  get diagnostics v_usage = row_count;
  delete from colloquy.updates u where u.user_id = p_user_id;
  get diagnostics v_updates = row_count;
  delete from colloquy.update_streams s where s.user_id = p_user_id;
  get diagnostics v_streams = row_count;
  is_done := true;
  erased := jsonb_build_object('messages', v_orphans, 'idempotency_keys', v_keys, 'usage', v_usage,
    'limit_counts', v_counts + v_waiting, 'updates', v_updates + v_streams);
  return next;
end
$$;

--
-- Name: expiry_of(timestamp with time zone, timestamp with time zone, boolean, boolean, json); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.expiry_of(p_own_expires_at timestamp with time zone, p_since timestamp with time zone, p_pinned boolean, p_archived boolean, p_retention json) RETURNS timestamp with time zone
    LANGUAGE plpgsql IMMUTABLE
    AS $$
begin
  return least(
    p_own_expires_at,
    case
      when p_pinned and (p_retention ->> 'keeps_pinned')::boolean then null
      when p_archived and (p_retention ->> 'keeps_archived')::boolean then null
      else p_since + (p_retention ->> 'days')::integer * interval '24 hours'
    end);
end
$$;

--
-- Name: fork_conversation(text, uuid, uuid, uuid, text, json); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.fork_conversation(p_user_id text, p_conversation_id uuid, p_message_id uuid, p_fork_id uuid, p_title text, p_retention json DEFAULT NULL::json) RETURNS TABLE(outcome text, title text, metadata jsonb, message_count integer, active_message_id uuid, created_at timestamp with time zone, expires_at timestamp with time zone, assistant text)
    LANGUAGE plpgsql
    AS $$
#variable_conflict use_column
declare
  v_now timestamptz(3);
  v_source record;
  v_message record;
  v_path int4multirange;
  v_copied integer;
begin
  perform colloquy.act_as(p_user_id);
  -- A turn that is tried again would take its answer away meanwhile.
  select c.title, c.title_by, c.metadata, c.own_expires_at, c.assistant into v_source
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id and colloquy.is_live(c.expires_at)
  for no key update;
  if not found then
    outcome := 'conversation-not-found';
    return next;
    return;
  end if;
  select m.position, m.role, m.turn_id into v_message
  from colloquy.messages m
  where m.user_id = p_user_id and m.id = p_message_id and m.conversation_id = p_conversation_id;
  if not found or v_message.role = 'summary' then
    outcome := case when found then 'unfit-message' else 'message-not-found' end;
    return next;
    return;
  end if;

  v_now := colloquy.clock();
  v_path := colloquy.path_to(
    p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_position => v_message.position);
  select v_path - coalesce(range_agg(int4range(m.position, m.position + 1)), '{}') into v_path
  from colloquy.messages m
  where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position <= v_message.position
    and m.role = 'summary' and not v_path @> m.summarized_through;

  outcome := 'forked';
  title := coalesce(p_title, v_source.title);
  metadata := v_source.metadata;
  message_count := colloquy.position_in(v_path, v_message.position);
  active_message_id := colloquy.copied_id(p_message_id, p_fork_id);
  created_at := v_now;
  expires_at := colloquy.expiry_of(v_source.own_expires_at, v_now, false, false, p_retention);
  assistant := v_source.assistant;
  with copied as (
    select m.position, colloquy.position_in(v_path, m.position) as new_position, m.id, m.parent_id, m.role, m.status, m.content,
      m.tool_calls, m.window_tokens, m.history_calls, m.reasoning, m.continuation, m.summarized_through,
      m.previous_summary, m.created_at,
      case
        when m.role = 'assistant' then m.turn_id
        when lead(m.role) over by_position = 'assistant' then lead(m.turn_id) over by_position
      end as turn_id
    from colloquy.messages m
    where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position <= v_message.position
      and v_path @> m.position
    window by_position as (order by m.position)
  ),
  fork as (
    insert into colloquy.conversations
      (user_id, id, title, title_by, metadata, assistant, last_position, last_turn_id, summary_position, created_at,
       updated_at, last_turn_at, own_expires_at, expires_at)
    select p_user_id, p_fork_id, coalesce(p_title, v_source.title),
      case when p_title is null then v_source.title_by else 'user' end, v_source.metadata, v_source.assistant,
      max(c.new_position),
      case when v_message.role = 'assistant' then colloquy.copied_id(v_message.turn_id, p_fork_id) end,
      max(c.new_position) filter (where c.role = 'summary'), v_now, v_now, v_now,
      v_source.own_expires_at, expires_at
    from copied c
  ),
  turns as (
    insert into colloquy.turns
      (user_id, id, conversation_id, position, status, attempt, begun_by, user_message_id, message_id, model, window_starts,
       input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, total_tokens, cost, error_code, finish_reason,
       created_at, finished_at)
    select p_user_id, colloquy.copied_id(t.id, p_fork_id), p_fork_id, c.new_position - 1, t.status, t.attempt,
      colloquy.copied_id(t.id, p_fork_id), colloquy.copied_id(c.parent_id, p_fork_id), colloquy.copied_id(c.id, p_fork_id),
      t.model,
      (
        select jsonb_object_agg(w.key, colloquy.position_in(v_path, w.value::integer))
        from jsonb_each_text(t.window_starts) w
      ),
      t.input_tokens, t.output_tokens, t.cached_input_tokens, t.reasoning_tokens, t.total_tokens, t.cost, t.error_code,
      t.finish_reason, t.created_at, t.finished_at
    from copied c
    join colloquy.turns t on t.user_id = p_user_id and t.id = c.turn_id
    where c.role = 'assistant'
  ),
  messages as (
    insert into colloquy.messages
      (user_id, conversation_id, position, id, turn_id, parent_id, role, status, content, tool_calls, window_tokens,
       history_calls, reasoning, continuation, summarized_through, previous_summary, created_at)
    select p_user_id, p_fork_id, c.new_position, colloquy.copied_id(c.id, p_fork_id), colloquy.copied_id(c.turn_id, p_fork_id),
      colloquy.copied_id(c.parent_id, p_fork_id), c.role, c.status, c.content, c.tool_calls, c.window_tokens, c.history_calls,
      c.reasoning, c.continuation, colloquy.position_in(v_path, c.summarized_through),
      case when v_path @> c.previous_summary then colloquy.position_in(v_path, c.previous_summary) end, c.created_at
    from copied c
  )
  -- Citus sends a select to the user's node as a whole, and takes an insert that reads apart.
  select count(*) into v_copied
  from copied;
  if expires_at is not null then
    perform colloquy.schedule_removal(p_user_id, p_fork_id);
  end if;
  return next;
end
$$;

--
-- Name: history_window(text, uuid, integer, integer, int4multirange, integer, integer, integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.history_window(p_user_id text, p_conversation_id uuid, p_before integer, p_start integer, p_path int4multirange, p_summary_position integer, p_messages integer, p_tokens integer, OUT history json, OUT window_state json) RETURNS record
    LANGUAGE plpgsql STABLE
    AS $$
declare
  -- what may still be read: up to a position, and how many positions, turns and tokens
  v_before integer := p_before;
  v_positions integer := 4 * p_messages;
  v_turns integer := p_messages / 2;
  v_tokens integer := p_tokens;
  v_from integer;
  -- of a branch: where the piece begins, and the question before it, which an answer at its beginning is to
  v_lower integer;
  v_question_position integer;
  v_question text;
  v_piece record;
  v_is_whole boolean;
  v_summary_position integer := p_summary_position;
begin
  history := '[]';
  v_is_whole := true;
  loop
    if p_path is not null then
      select lower(r.piece) as lower, least(upper(r.piece), v_before) as upper into v_piece
      from unnest(p_path) r (piece)
      where lower(r.piece) < v_before
      order by lower(r.piece) desc
      limit 1;
      exit when not found;
      v_lower := v_piece.lower;
      v_before := v_piece.upper;
      select m.position, m.content into v_question_position, v_question
      from colloquy.messages m
      where m.user_id = p_user_id and m.conversation_id = p_conversation_id
        and m.position = upper(p_path * int4multirange(int4range(null, v_lower))) - 1 and m.role = 'user';
    end if;
    -- failed turns do not count, but a run of them must not make this read the whole conversation
    v_from := greatest(p_start, v_before - v_positions, v_lower);
    exit when v_from >= v_before;
    select
      coalesce(
        json_agg(
          case
            when w.tool_calls = '[]' and w.continuation is null then json_build_object(
              'user', w.question, 'assistant', w.answer, 'position', w.question_position, 'tokens', w.window_tokens)
            else json_build_object(
              'user', w.question, 'assistant', w.answer, 'position', w.question_position, 'tokens', w.window_tokens,
              'tool_calls', coalesce(w.history_calls, w.tool_calls), 'continuation', w.continuation)
          end
          order by w.position)
        filter (where w.fits),
        '[]') as history,
      coalesce(bool_and(w.fits), true) as is_whole,
      count(*) filter (where w.fits) as turns,
      sum(w.window_tokens) as tokens
    into v_piece
    from (
      select a.position, a.question, a.answer, a.tool_calls, a.history_calls, a.continuation, a.window_tokens,
        case when a.position = v_lower then v_question_position else a.position - 1 end as question_position,
        sum(a.window_tokens) over (order by a.position desc) <= v_tokens
          and row_number() over (order by a.position desc) <= v_turns as fits
      from (
        select m.position, m.role, m.status, m.content as answer, m.tool_calls, m.history_calls, m.continuation,
          m.window_tokens,
          coalesce(
            lead(m.content) over (order by m.position desc), case when m.position = v_lower then v_question end) as question
        from colloquy.messages m
        where m.user_id = p_user_id and m.conversation_id = p_conversation_id
          and m.position >= v_from and m.position < v_before
      ) a
      where a.role = 'assistant' and (a.status = 'completed' or (a.status = 'cancelled' and a.answer <> ''))
        and a.question is not null
      order by a.position desc
      -- one more than may be given tells whether there is more
      limit v_turns + 1
    ) w;
    v_is_whole := v_piece.is_whole;
    if history is null or v_turns = p_messages / 2 then
      history := v_piece.history;
    elsif v_piece.turns > 0 then
      history := (left(v_piece.history::text, -1) || ', ' || substr(history::text, 2))::json;
    end if;
    exit when p_path is null or not v_is_whole or v_from > v_lower;
    v_positions := v_positions - (v_before - v_from);
    exit when v_positions <= 0;
    v_turns := v_turns - v_piece.turns;
    v_tokens := v_tokens - coalesce(v_piece.tokens, 0);
    v_before := v_lower;
  end loop;
  if p_path is not null then
    v_summary_position := colloquy.path_summary(
      p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_newest => p_summary_position, p_path => p_path,
      p_before => p_before);
  end if;
  window_state := json_build_object(
    'position', p_before, 'start', p_start, 'is_whole', v_is_whole,
    'summary', (
      select json_build_object(
        'text', m.content, 'tokens', m.window_tokens,
        -- What is between this and the path's next message belongs to other branches.
        'through', case
          when p_path is null then m.summarized_through
          else coalesce(
            lower(p_path * int4multirange(int4range(m.summarized_through + 1, p_before))), p_before) - 1 end)
      from colloquy.messages m
      where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position = v_summary_position));
end
$$;

--
-- Name: import_messages(text, json, json, json); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.import_messages(p_user_id text, p_conversation json, p_messages json, p_retention json DEFAULT NULL::json) RETURNS TABLE(outcome text, taken integer)
    LANGUAGE plpgsql
    AS $$
declare
  v_now timestamptz(3);
  v_conversation record;
  v_message record;
  v_position_before integer;
  v_last_id uuid;
  v_parent record;
  v_parent_id uuid;
  v_parent_position integer;
  v_is_branched boolean;
  v_last_position integer;
  v_last_turn_id uuid;
  v_is_live boolean;
  v_path int4multirange;
begin
  perform colloquy.act_as(p_user_id);
  v_now := colloquy.clock();
  taken := 0;
  v_is_branched := false;
  select * into v_conversation
  from json_to_record(p_conversation) as c (
    id uuid, title text, archived boolean, metadata jsonb, assistant text, created_at timestamptz, last_turn_at timestamptz,
    pinned boolean);
  v_conversation.pinned := coalesce(v_conversation.pinned, false);
  v_conversation.created_at := least(v_conversation.created_at, v_now);
  v_conversation.last_turn_at := least(v_conversation.last_turn_at, v_now);
  insert into colloquy.conversations
    (user_id, id, title, title_by, archived, metadata, assistant, last_position, created_at, updated_at,
     last_turn_at, pinned, retained_from, expires_at)
  values
    (p_user_id, v_conversation.id, v_conversation.title, case when v_conversation.title is null then 'message' else 'user' end,
     v_conversation.archived, v_conversation.metadata, v_conversation.assistant, 0, v_conversation.created_at, v_now, v_conversation.last_turn_at,
     v_conversation.pinned, v_now,
     colloquy.expiry_of(null, v_now, v_conversation.pinned, v_conversation.archived, p_retention))
  on conflict do nothing;
  outcome := case when found then 'made' else 'added' end;
  if outcome = 'made' and p_retention is not null then
    perform colloquy.schedule_removal(p_user_id, v_conversation.id);
  end if;
  select c.last_position, c.last_turn_id, colloquy.is_live(c.expires_at)
  into v_last_position, v_last_turn_id, v_is_live
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = v_conversation.id
  for no key update;
  if not v_is_live then
    outcome := 'expired';
    return next;
    return;
  end if;
  if not found or v_last_turn_id is not null then
    outcome := 'foreign';
    return next;
    return;
  end if;
  v_position_before := v_last_position;
  select m.id into v_last_id
  from colloquy.messages m
  where m.user_id = p_user_id and m.conversation_id = v_conversation.id and m.position = v_last_position;
  for v_message in
    select row_number() over () as number, m.*
    from json_to_recordset(p_messages) as m (
      id uuid, parent_id uuid, role text, content text, window_tokens integer, created_at timestamptz)
    order by number
  loop
    -- Also the last one when the parent is not in the conversation: it is not known where that was.
    v_parent_id := v_last_id;
    v_parent_position := v_last_position;
    if v_message.parent_id is null then
      v_parent_id := null;
      v_parent_position := 0;
    elsif v_message.parent_id <> v_last_id then
      select m.id, m.position into v_parent
      from colloquy.messages m
      where m.user_id = p_user_id and m.id = v_message.parent_id and m.conversation_id = v_conversation.id;
      if found then
        v_parent_id := v_parent.id;
        v_parent_position := v_parent.position;
      end if;
    end if;
    insert into colloquy.messages
      (user_id, conversation_id, position, id, parent_id, role, status, content, window_tokens, created_at)
    values
      (p_user_id, v_conversation.id, v_last_position + 1, v_message.id, v_parent_id, v_message.role, 'completed',
       v_message.content, v_message.window_tokens, least(v_message.created_at, v_now))
    on conflict do nothing;
    if not found then
      continue;
    end if;
    taken := taken + 1;
    v_last_position := v_last_position + 1;
    v_last_id := v_message.id;
    if v_parent_position <> v_last_position - 1 then
      v_is_branched := true;
      perform colloquy.add_branch(
        p_user_id => p_user_id, p_conversation_id => v_conversation.id, p_position => v_last_position,
        p_parent_position => v_parent_position,
        p_ancestors => case
          when v_parent_position = 0 then '{}'
          else colloquy.path_to(
            p_user_id => p_user_id, p_conversation_id => v_conversation.id, p_position => v_parent_position) end);
    end if;
  end loop;
  if taken > 0 then
    -- The newest message's branch is the active one. Looked up here, since Citus takes no function that reads within a case.
    v_path := colloquy.path_to(
      p_user_id => p_user_id, p_conversation_id => v_conversation.id, p_position => v_last_position)
      + int4multirange(int4range(v_last_position + 1, null));
  end if;
  update colloquy.conversations c
  set last_position = v_last_position, updated_at = v_now,
    active_path = case when c.active_path is null and not v_is_branched then null else v_path end
  where c.user_id = p_user_id and c.id = v_conversation.id and c.last_position <> v_last_position;
  -- An imported conversation is not among those with the greatest ids, which a search takes for new.
  if outcome = 'made' or taken > 0 then
    insert into colloquy.search_tails (user_id, conversation_id, sealed_position)
    values (p_user_id, v_conversation.id, case when outcome = 'made' then -1 else v_position_before end)
    on conflict do nothing;
    -- Who follows the user reads everything again, and not conversation by conversation. Last: imports wait for each other here.
    insert into colloquy.update_streams (user_id, since)
    values (p_user_id, colloquy.clock())
    on conflict (user_id) do update set since = excluded.since;
  end if;
  return next;
end
$$;

--
-- Name: interrupt_turn(text, uuid, text); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.interrupt_turn(p_user_id text, p_turn_id uuid, p_cut_off text) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare
  v_turn record;
  v_answer record;
begin
  perform colloquy.act_as(p_user_id);
  select t.attempt, t.lease_until, t.model, t.reserved into v_turn
  from colloquy.turns t
  where t.user_id = p_user_id and t.id = p_turn_id and t.status = 'running'
  for no key update skip locked;
  -- The time is taken after the lock.
  if not found or v_turn.lease_until >= colloquy.clock() then
    return false;
  end if;
  v_answer := colloquy.partial_answer(
    p_user_id => p_user_id, p_turn_id => p_turn_id, p_attempt => v_turn.attempt, p_cut_off => p_cut_off);
  perform colloquy.end_turn(
    p_user_id => p_user_id, p_turn_id => p_turn_id, p_attempt => v_turn.attempt, p_model => v_turn.model,
    p_status => 'interrupted', p_content => v_answer.content, p_tool_calls => v_answer.tool_calls,
    p_window_tokens => 0, p_history_calls => null, p_reasoning => v_answer.reasoning, p_continuation => null,
    p_window_size => null, p_window_start => null, p_input_tokens => null, p_output_tokens => null,
    p_cached_input_tokens => null, p_reasoning_tokens => null, p_total_tokens => null, p_cost => v_turn.reserved,
    p_error_code => 'turn-interrupted', p_finish_reason => null, p_has_events => true);
  perform colloquy.add_usage(
    p_user_id => p_user_id, p_at => colloquy.clock(), p_model => v_turn.model,
    p_turns => case when v_turn.attempt = 1 then 1 else 0 end,
    p_input_tokens => 0, p_output_tokens => 0, p_cached_input_tokens => 0, p_reasoning_tokens => 0,
    p_total_tokens => 0, p_cost => v_turn.reserved);
  return true;
end
$$;

--
-- Name: is_delegated(oid, text[]); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.is_delegated(p_function oid, p_called text[]) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select p.proname = any (p_called) and p.proname <> 'act_as' and 'p_user_id' = any (p.proargnames)
    from pg_proc p
    where p.oid = p_function);
end
$$;

--
-- Name: is_live(timestamp with time zone); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.is_live(p_expires_at timestamp with time zone) RETURNS boolean
    LANGUAGE sql
    AS $$ select p_expires_at is null or p_expires_at > colloquy.clock() $$;

--
-- Name: keep_reservations(jsonb); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.keep_reservations(p_attempts jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
  v_old uuid[];
begin
  perform colloquy.act_as(null);
  select array_agg(o.turn_id) into v_old
  from (
    select r.turn_id
    from colloquy.total_reservations r
    where r.user_id = '' and r.reserved_on < (colloquy.clock() at time zone 'UTC')::date - 1
    limit 100
    for update skip locked
  ) o;
  if v_old is not null then
    delete from colloquy.total_reservations r where r.user_id = '' and r.turn_id = any (v_old);
  end if;
  insert into colloquy.total_reservations (user_id, turn_id, attempt, reserved, reserved_on)
  select '', a.turn_id, a.attempt, a.reserved, a.reserved_on
  from jsonb_to_recordset(p_attempts) a (turn_id uuid, attempt integer, reserved bigint, reserved_on date)
  on conflict do nothing;
end
$$;

--
-- Name: lock_conversation(text, uuid, boolean); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.lock_conversation(p_user_id text, p_conversation_id uuid, p_may_wait boolean, OUT outcome text, OUT last_turn_id uuid, OUT last_position integer, OUT active_path int4multirange, OUT expires_at timestamp with time zone, OUT assistant text) RETURNS record
    LANGUAGE plpgsql
    AS $$
begin
  outcome := 'held';
  select c.last_turn_id, c.last_position, c.active_path, c.expires_at, c.assistant
  into last_turn_id, last_position, active_path, expires_at, assistant
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id and colloquy.is_live(c.expires_at)
  for no key update skip locked;
  if found then
    return;
  end if;
  if p_may_wait then
    select c.last_turn_id, c.last_position, c.active_path, c.expires_at, c.assistant
    into last_turn_id, last_position, active_path, expires_at, assistant
    from colloquy.conversations c
    where c.user_id = p_user_id and c.id = p_conversation_id and colloquy.is_live(c.expires_at)
    for no key update;
    if not found then
      outcome := 'not-found';
    end if;
  else
    select c.assistant into assistant
    from colloquy.conversations c
    where c.user_id = p_user_id and c.id = p_conversation_id and colloquy.is_live(c.expires_at);
    outcome := case when found then 'locked' else 'not-found' end;
  end if;
end
$$;

--
-- Name: note_change(text, uuid); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.note_change(p_user_id text, p_conversation_id uuid) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
  v_conversation record;
begin
  perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  select c.noted_at, c.expires_at into v_conversation
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id;
  if v_conversation.noted_at > colloquy.clock() - interval '1 hour' then
    insert into colloquy.updates (user_id, at, conversation_id, type)
    values (p_user_id, v_conversation.noted_at, p_conversation_id, 'conversation-updated')
    on conflict do nothing;
    if found then
      delete from colloquy.updates u
      where u.user_id = p_user_id and u.at < v_conversation.noted_at and u.conversation_id = p_conversation_id
        and u.type = 'conversation-updated';
    end if;
  end if;
  if v_conversation.expires_at is not null then
    perform colloquy.schedule_removal(p_user_id, p_conversation_id);
  end if;
end
$$;

--
-- Name: note_update(text, uuid, text); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.note_update(p_user_id text, p_conversation_id uuid, p_type text) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
  v_at timestamptz := colloquy.clock();
  v_noted_at timestamptz;
begin
  if p_type = 'conversation-updated' then
    select c.noted_at into v_noted_at
    from colloquy.conversations c
    where c.user_id = p_user_id and c.id = p_conversation_id;
    delete from colloquy.updates u
    where u.user_id = p_user_id and u.at = v_noted_at and u.conversation_id = p_conversation_id and u.type = p_type;
    update colloquy.conversations c
    set noted_at = v_at
    where c.user_id = p_user_id and c.id = p_conversation_id;
  end if;
  insert into colloquy.updates (user_id, at, conversation_id, type)
  values (p_user_id, v_at, p_conversation_id, p_type)
  on conflict do nothing;
end
$$;

--
-- Name: partial_answer(text, uuid, integer, text); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.partial_answer(p_user_id text, p_turn_id uuid, p_attempt integer, p_cut_off text, OUT content text, OUT tool_calls jsonb, OUT reasoning jsonb) RETURNS record
    LANGUAGE plpgsql STABLE
    AS $$
declare
  v_events jsonb;
begin
  -- One read of what is stored; the rest is local.
  select coalesce(jsonb_agg(e.events order by e.seq), '[]') into v_events
  from colloquy.turn_events e
  where e.user_id = p_user_id and e.turn_id = p_turn_id and e.attempt = p_attempt;

  with said as (
    select batch.n as batch, each.n, each.event,
      sum(case when jsonb_typeof(each.event) = 'string' then length(each.event #>> '{}') else 0 end)
        over (order by batch.n, each.n) as text_offset,
      count(*) filter (where each.event ->> 'type' = 'tool-call') over (order by batch.n, each.n) as calls_before
    from jsonb_array_elements(v_events) with ordinality as batch (events, n)
    cross join lateral jsonb_array_elements(batch.events) with ordinality as each (event, n)
  ),
  tools as (
    select s.batch, s.n, s.event, s.text_offset, s.event ->> 'type' as type, s.event ->> 'id' as id,
      row_number() over (partition by s.event ->> 'type', s.event ->> 'id' order by s.batch, s.n) as nth
    from said s
    where jsonb_typeof(s.event) <> 'string'
  )
  select
    coalesce((
      select string_agg(s.event #>> '{}', '' order by s.batch, s.n)
      from said s
      where jsonb_typeof(s.event) = 'string'), ''),
    coalesce((
      select jsonb_agg(
        jsonb_build_object(
          'id', call.id, 'name', call.event ->> 'name', 'arguments', call.event -> 'arguments', 'duration_ms', null,
          'text_offset', call.text_offset)
          || coalesce(done.fields, jsonb_build_object('error', p_cut_off))
        order by call.batch, call.n)
      from tools call
      left join lateral (
        select jsonb_object_agg(field.key, field.value order by later.batch, later.n) as fields
        from tools later
        cross join lateral jsonb_each(later.event - array['type', 'id']) as field
        where later.type in ('tool-result', 'tool-error') and later.id = call.id and (later.batch, later.n) > (call.batch, call.n)
      ) done on call.nth = 1
      where call.type = 'tool-call'), '[]'),
    -- Between two texts or calls all reasoning is one.
    (
      select jsonb_agg(
        jsonb_build_object('text', block.text, 'text_offset', block.text_offset, 'calls_before', block.calls_before)
        order by block.calls_before, block.text_offset)
      from (
        select s.text_offset, s.calls_before, string_agg(s.event ->> 'delta', '' order by s.batch, s.n) as text
        from said s
        where s.event ->> 'type' = 'reasoning-delta'
        group by s.text_offset, s.calls_before
      ) block
    )
  into content, tool_calls, reasoning;
end
$$;

--
-- Name: path_after(text, uuid, integer, integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.path_after(p_user_id text, p_conversation_id uuid, p_position integer, p_last_position integer) RETURNS int4multirange
    LANGUAGE plpgsql STABLE
    AS $$
declare
  v_next integer;
begin
  if p_position = 0 then
    return '{}';
  end if;
  select m.position into v_next
  from colloquy.messages m
  where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position > p_position and m.role <> 'summary'
  order by m.position
  limit 1;
  return colloquy.path_to(p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_position => p_position)
    + int4multirange(int4range(p_position, coalesce(v_next, p_last_position + 1)));
end
$$;

--
-- Name: path_summary(text, uuid, integer, int4multirange, integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.path_summary(p_user_id text, p_conversation_id uuid, p_newest integer, p_path int4multirange, p_before integer) RETURNS integer
    LANGUAGE plpgsql STABLE
    AS $$
declare
  v_position integer := p_newest;
  v_summary record;
begin
  while v_position is not null and p_path is not null loop
    select m.summarized_through, m.previous_summary into v_summary
    from colloquy.messages m
    where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position = v_position;
    -- Whatever comes before a message of the path is on the path, too.
    exit when p_path @> v_summary.summarized_through and v_summary.summarized_through < p_before;
    v_position := v_summary.previous_summary;
  end loop;
  return v_position;
end
$$;

--
-- Name: path_to(text, uuid, integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.path_to(p_user_id text, p_conversation_id uuid, p_position integer) RETURNS int4multirange
    LANGUAGE plpgsql STABLE
    AS $$
declare
  v_branch record;
begin
  select b.position, b.ancestors into v_branch
  from colloquy.branches b
  where b.user_id = p_user_id and b.conversation_id = p_conversation_id and b.position <= p_position
    and b.ancestors is not null
  order by b.position desc
  limit 1;
  if not found then
    return int4multirange(int4range(1, p_position + 1));
  end if;
  return v_branch.ancestors + int4multirange(int4range(v_branch.position, p_position + 1));
end
$$;

--
-- Name: place_turn(text, uuid, text, uuid, int4multirange, integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.place_turn(p_user_id text, p_conversation_id uuid, p_place text, p_target_id uuid, p_active_path int4multirange, p_last_position integer, OUT outcome text, OUT parent_id uuid, OUT parent_position integer, OUT ancestors int4multirange, OUT window_starts jsonb, OUT question text) RETURNS record
    LANGUAGE plpgsql STABLE
    AS $$
declare
  v_target record;
  v_question record;
begin
  outcome := 'placed';
  if p_place = 'start' then
    parent_position := 0;
    ancestors := '{}';
    return;
  end if;
  if p_place is null then
    select m.id, m.position, m.role, m.turn_id, m.parent_id, m.content into v_target
    from colloquy.messages m
    where m.user_id = p_user_id and m.conversation_id = p_conversation_id
      and m.position < coalesce(upper(p_active_path), p_last_position + 1) and m.role <> 'summary'
    order by m.position desc
    limit 1;
  else
    select m.id, m.position, m.role, m.turn_id, m.parent_id, m.content into v_target
    from colloquy.messages m
    where m.user_id = p_user_id and m.id = p_target_id and m.conversation_id = p_conversation_id;
    if not found then
      outcome := 'message-not-found';
      return;
    end if;
  end if;
  if p_place = 'again' then
    v_question := v_target;
    if v_target.role = 'assistant' then
      select m.id, m.position, m.role, m.turn_id, m.parent_id, m.content into v_question
      from colloquy.messages m
      where m.user_id = p_user_id and m.id = v_target.parent_id;
    end if;
    question := v_question.content;
    if v_question.role is distinct from 'user' then
      outcome := 'unfit-message';
    end if;
  elsif p_place = 'after' and v_target.role <> 'assistant' then
    outcome := 'unfit-message';
  end if;
  if outcome <> 'placed' then
    return;
  end if;
  select t.window_starts into window_starts
  from colloquy.turns t
  where t.user_id = p_user_id and t.id = v_target.turn_id;
  if p_place = 'again' then
    parent_id := v_question.id;
    parent_position := v_question.position;
    ancestors := colloquy.path_to(
      p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_position => parent_position);
  else
    parent_id := v_target.id;
    parent_position := v_target.position;
    ancestors := colloquy.path_after(
      p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_position => parent_position,
      p_last_position => p_last_position);
  end if;
end
$$;

--
-- Name: position_in(int4multirange, integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.position_in(p_path int4multirange, p_position integer) RETURNS integer
    LANGUAGE plpgsql IMMUTABLE STRICT
    AS $$
begin
  return (
    select coalesce(sum(least(coalesce(upper(r.piece), p_position + 1), p_position + 1) - lower(r.piece)), 0)
    from unnest(p_path) r (piece)
    where lower(r.piece) <= p_position);
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
-- Name: prepare_node_role(); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.prepare_node_role() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  alter role colloquy_app login;
  alter role colloquy_app set lock_timeout = '1334ms';
  alter role colloquy_app set statement_timeout = '30s';
  alter role colloquy_app set idle_in_transaction_session_timeout = '30s';
end
$$;

--
-- Name: prune_idempotency_keys(integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.prune_idempotency_keys(p_limit integer) RETURNS TABLE(pruned integer)
    LANGUAGE plpgsql
    AS $$
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

--
-- Name: prune_updates(integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.prune_updates(p_limit integer) RETURNS TABLE(pruned integer)
    LANGUAGE plpgsql
    AS $$
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

--
-- Name: purge_expired(text, uuid, integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.purge_expired(p_user_id text, p_conversation_id uuid, p_rows integer) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare
  v_expires_at timestamptz(3);
begin
  perform colloquy.act_as(p_user_id);
  select c.expires_at into v_expires_at
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id and not colloquy.is_live(c.expires_at)
  for update;
  if not found then
    return true;
  end if;
  -- Once, as remove_conversation does.
  if v_expires_at <> '-infinity' then
    perform colloquy.note_update(p_user_id, p_conversation_id, 'conversation-deleted');
  end if;
  return (colloquy.delete_conversations(
    p_user_id => p_user_id, p_conversation_ids => array[p_conversation_id], p_rows => p_rows) ->> 'conversations')::integer = 1;
end
$$;

--
-- Name: rate_message(text, uuid, text, text); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.rate_message(p_user_id text, p_message_id uuid, p_rating text, p_comment text) RETURNS TABLE(outcome text, updated_at timestamp with time zone)
    LANGUAGE plpgsql
    AS $$
declare
  v_now timestamptz(3);
  v_message record;
begin
  perform colloquy.act_as(p_user_id);
  select m.conversation_id, m.role into v_message
  from colloquy.messages m
  where m.user_id = p_user_id and m.id = p_message_id
    and exists (
      select
      from colloquy.conversations c
      where c.user_id = p_user_id and c.id = m.conversation_id and colloquy.is_live(c.expires_at))
  for key share;
  outcome := case
    when not found then 'not-found'
    when v_message.role <> 'assistant' then 'no-answer'
    else 'rated'
  end;
  if outcome = 'rated' and p_rating is null and p_comment is null then
    delete from colloquy.feedback f
    where f.user_id = p_user_id and f.conversation_id = v_message.conversation_id and f.message_id = p_message_id;
  elsif outcome = 'rated' then
    v_now := colloquy.clock();
    updated_at := v_now;
    insert into colloquy.feedback (user_id, conversation_id, message_id, rating, comment, updated_at)
    values (p_user_id, v_message.conversation_id, p_message_id, p_rating, p_comment, v_now)
    on conflict on constraint feedback_pkey do update
    set rating = excluded.rating, comment = excluded.comment, updated_at = excluded.updated_at;
  end if;
  return next;
end
$$;

--
-- Name: read_shards(); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.read_shards() RETURNS TABLE(max integer, node text)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if to_regclass('pg_dist_shard') is null then
    return;
  end if;
  return query
  select s.shardmaxvalue::integer, p.groupid::text
  from pg_dist_shard s
  join pg_dist_placement p on p.shardid = s.shardid
  where s.logicalrelid = 'colloquy.conversations'::regclass
  order by 1;
end
$$;

--
-- Name: read_updates(json, text); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.read_updates(p_entries json, p_user_id text DEFAULT ''::text) RETURNS TABLE(entry integer, type text, conversation_id uuid, turn_id uuid, attempt integer, status text, at timestamp with time zone)
    LANGUAGE plpgsql
    AS $$
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

--
-- Name: remove_conversation(text, uuid, integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.remove_conversation(p_user_id text, p_conversation_id uuid, p_rows integer) RETURNS integer
    LANGUAGE plpgsql
    AS $$
declare
  v_now timestamptz(3);
  v_conversation record;
  v_remove_at timestamptz(3);
  v_lease_until timestamptz(3);
  v_has_run boolean;
  v_removed jsonb;
begin
  select c.expires_at, c.last_turn_id into v_conversation
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id
  for update skip locked;
  v_now := colloquy.clock();
  if found then
    v_remove_at := v_conversation.expires_at;
    if v_remove_at <= v_now then
      select t.lease_until into v_lease_until
      from colloquy.turns t
      where t.user_id = p_user_id and t.id = v_conversation.last_turn_id and t.status = 'running';
      v_has_run := found;
      if not v_has_run or v_lease_until < v_now then
        v_removed := colloquy.delete_conversations(
          p_user_id => p_user_id, p_conversation_ids => array[p_conversation_id], p_rows => p_rows);
        -- Once: a big one is removed in parts, and whoever removed the first one (delete_conversation, too) has let it expire so.
        if v_conversation.expires_at <> '-infinity' then
          perform colloquy.note_update(p_user_id, p_conversation_id, 'conversation-deleted');
        end if;
        return greatest(case when v_has_run then p_rows else 1 end, (select sum(e.value::integer) from jsonb_each_text(v_removed) e));
      end if;
      v_remove_at := v_lease_until + interval '1 millisecond';
    end if;
  elsif exists (select from colloquy.conversations c where c.user_id = p_user_id and c.id = p_conversation_id) then
    v_remove_at := v_now + interval '1 minute';
  end if;
  if v_remove_at is null then
    delete from colloquy.removals r where r.user_id = p_user_id and r.conversation_id = p_conversation_id;
  else
    update colloquy.removals r
    set remove_at = v_remove_at
    where r.user_id = p_user_id and r.conversation_id = p_conversation_id;
  end if;
  return 1;
end
$$;

--
-- Name: remove_expired(uuid, integer, json, integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.remove_expired(p_claim uuid, p_lease_ms integer, p_retention json, p_rows integer) RETURNS TABLE(outcome text)
    LANGUAGE plpgsql
    AS $$
declare
  v_now timestamptz(3);
  v_state record;
  v_users text[];
  v_ids uuid[];
  v_user_id text;
  v_left integer;
begin
  perform colloquy.act_as(null);
  v_now := colloquy.clock();
  insert into colloquy.retention (user_id) values ('') on conflict do nothing;
  select r.claimed_by, r.claimed_until, r.rule, r.after_user, r.after_id into v_state
  from colloquy.retention r
  where r.user_id = ''
  for no key update skip locked;
  if not found or (v_state.claimed_by <> p_claim and v_state.claimed_until >= v_now) then
    outcome := 'taken';
    return next;
    return;
  end if;
  if v_state.rule is distinct from p_retention::text then
    v_state.after_user := '';
    v_state.after_id := '00000000-0000-0000-0000-000000000000';
  end if;

  -- The policies of this name let all users' rows be read here, and nowhere else.
  set local colloquy.pruning = 'on';
  select array_agg(d.user_id order by d.user_id collate "C", d.conversation_id),
    array_agg(d.conversation_id order by d.user_id collate "C", d.conversation_id)
  into v_users, v_ids
  from (
    select r.user_id, r.conversation_id
    from colloquy.removals r
    where r.remove_at <= v_now
    order by r.remove_at
    limit greatest(1, p_rows / 10)
  ) d;
  outcome := 'more';
  if v_ids is null and v_state.after_user is not null then
    -- Along the primary key. The planner takes the policy for one that hides nearly all rows, and would read the whole table.
    set local enable_sort = off;
    select array_agg(n.user_id order by n.user_id, n.id), array_agg(n.id order by n.user_id, n.id)
    into v_users, v_ids
    from (
      select c.user_id, c.id
      from colloquy.conversations c
      where (c.user_id, c.id) > (v_state.after_user, v_state.after_id)
      order by c.user_id, c.id
      limit p_rows
    ) n;
    set local enable_sort = on;
    set local colloquy.pruning = 'off';
    v_state.after_user := v_users[cardinality(v_users)];
    v_state.after_id := v_ids[cardinality(v_ids)];
    if v_ids is not null then
      perform colloquy.apply_retention(p_user_ids => v_users, p_conversation_ids => v_ids, p_retention => p_retention);
    end if;
  elsif v_ids is not null then
    set local colloquy.pruning = 'off';
    v_left := p_rows;
    for n in 1 .. cardinality(v_ids) loop
      exit when v_left <= 0;
      if v_user_id is distinct from v_users[n] then
        v_user_id := v_users[n];
        perform colloquy.act_as(v_user_id);
      end if;
      v_left := v_left - colloquy.remove_conversation(
        p_user_id => v_user_id, p_conversation_id => v_ids[n], p_rows => v_left);
    end loop;
  else
    set local colloquy.pruning = 'off';
    outcome := 'done';
  end if;

  perform colloquy.act_as(null);
  v_state.claimed_until := case when outcome = 'more' then v_now + p_lease_ms * interval '1 millisecond' end;
  update colloquy.retention r
  set claimed_by = p_claim, claimed_until = v_state.claimed_until,
    rule = p_retention::text, after_user = v_state.after_user, after_id = v_state.after_id
  where r.user_id = '';
  return next;
end
$$;

--
-- Name: reserve_total(date, bigint, bigint, bigint); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.reserve_total(p_day date, p_amount bigint, p_per_day bigint, p_per_month bigint) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare
  v_month date := date_trunc('month', p_day::timestamp)::date;
  v_number integer := extract(day from p_day);
  v_is_there boolean := false;
begin
  loop
    -- After a wait for the row it judges what the one before has left.
    update colloquy.total_spending s
    set spent = s.spent + p_amount, days[v_number] = s.days[v_number] + p_amount
    where s.user_id = '' and s.month = v_month
      and (p_per_day is null or s.days[v_number] + p_amount <= p_per_day)
      and (p_per_month is null or s.spent + p_amount <= p_per_month);
    if found then
      return true;
    end if;
    if v_is_there then
      return false;
    end if;
    -- Somebody else may be making it, too, which this waits for; then that one's is judged.
    insert into colloquy.total_spending (user_id, month, spent, days)
    values ('', v_month, 0, array_fill(0::bigint, array[31]))
    on conflict do nothing;
    v_is_there := true;
  end loop;
end
$$;

--
-- Name: resume_turn(text, bytea, bytea, uuid, integer, integer, integer, integer, bigint, date, boolean, json, json); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.resume_turn(p_user_id text, p_key_hash bytea, p_fingerprint bytea, p_begin_id uuid, p_lease_ms integer, p_history_messages integer, p_history_tokens integer, p_window_size integer, p_reserved bigint, p_reserved_on date, p_may_begin boolean, p_retention json, p_assistants json) RETURNS colloquy.begun
    LANGUAGE plpgsql
    AS $_$
declare
  v_now timestamptz(3);
  v_key record;
  v_lock record;
  v_turn record;
  v_calls jsonb;
  v_first integer;
  v_expires_at timestamptz(3);
  v_window record;
  v_choice record;
  v_refusal text;
  v_window_size integer := p_window_size;
  v_history_tokens integer := p_history_tokens;
  v_begun colloquy.begun;
begin
  select k.fingerprint, k.conversation_id, k.turn_id into v_key
  from colloquy.idempotency_keys k
  where k.user_id = p_user_id and k.key_hash = p_key_hash;
  if v_key.fingerprint is distinct from p_fingerprint then
    v_begun.outcome := 'mismatch';
    return v_begun;
  end if;
  -- Of those who want to try a turn again, this lock lets one begin.
  v_lock := colloquy.lock_conversation(p_user_id, v_key.conversation_id, false);
  select t.id, t.status, t.attempt, t.begun_by, t.lease_until, t.position, t.answer_position, t.user_message_id, t.message_id,
    t.model, t.done_calls, t.window_starts
  into v_turn
  from colloquy.turns t
  where t.user_id = p_user_id and t.id = v_key.turn_id and v_lock.outcome <> 'not-found';
  if not found then
    v_begun.outcome := 'not-found';
    return v_begun;
  end if;
  v_now := colloquy.clock();
  if v_lock.assistant is not null then
    v_begun.assistant := v_lock.assistant;
    v_choice := colloquy.choose_assistant(
      p_assistant => v_lock.assistant, p_asked => null, p_assistants => p_assistants);
    v_refusal := nullif(v_choice.outcome, 'chosen');
    v_window_size := coalesce(v_choice.window_size, p_window_size);
    v_history_tokens := coalesce(v_choice.history_tokens, p_history_tokens);
  end if;

  if v_turn.status = 'running' then
    v_begun.outcome := case when v_turn.begun_by = p_begin_id then 'begun' else 'attached' end;
    v_begun.is_lapsed := v_turn.lease_until < v_now;
    v_begun.is_repeated := true;
  elsif v_turn.status in ('completed', 'cancelled') then
    v_begun.outcome := 'ended';
  elsif v_lock.outcome <> 'held' then
    v_begun.outcome := v_lock.outcome;
  elsif v_lock.last_turn_id <> v_turn.id or octet_length(v_turn.done_calls::text) > 4194304 then
    v_begun.outcome := 'ended';
  elsif v_refusal is not null then
    v_begun.outcome := v_refusal;
  elsif not p_may_begin then
    v_begun.outcome := 'limited';
  else
    v_begun.outcome := 'begun';
    -- A running turn shows its user's message only, so the answer of the last attempt makes room for the next one's.
    -- What its tools have done stays done.
    delete from colloquy.messages m
    where m.user_id = p_user_id and m.id = v_turn.message_id
    returning m.tool_calls into v_calls;
    delete from colloquy.feedback f
    where f.user_id = p_user_id and f.conversation_id = v_key.conversation_id and f.message_id = v_turn.message_id;
    update colloquy.turns t
    set status = 'running', attempt = t.attempt + 1, begun_by = p_begin_id, cancel_requested = false,
      lease_until = v_now + p_lease_ms * interval '1 millisecond', finished_at = null, error_code = null,
      input_tokens = null, output_tokens = null, cached_input_tokens = null, reasoning_tokens = null,
      total_tokens = null, cost = null, reserved = p_reserved, reserved_on = p_reserved_on,
      done_calls = t.done_calls
        || jsonb_path_query_array(coalesce(v_calls, '[]'), '$[*] ? (exists(@.result) && !exists(@.replayed))')
    where t.user_id = p_user_id and t.id = v_turn.id
    returning t.attempt, t.done_calls into v_turn.attempt, v_turn.done_calls;
    -- What begins again is on the active branch again, as the conversation's newest turn.
    if not upper_inf(v_lock.active_path) then
      v_first := coalesce(v_turn.answer_position, v_turn.position);
      v_lock.active_path := colloquy.path_to(
        p_user_id => p_user_id, p_conversation_id => v_key.conversation_id, p_position => v_first)
        + int4multirange(int4range(v_first, null));
    end if;
    update colloquy.conversations c
    set active_path = v_lock.active_path, updated_at = v_now, last_turn_at = v_now,
      expires_at = colloquy.expiry_of(c.own_expires_at, v_now, c.pinned, c.archived, p_retention)
    where c.user_id = p_user_id and c.id = v_key.conversation_id
    returning c.expires_at into v_expires_at;
    if v_expires_at < v_lock.expires_at or (v_lock.expires_at is null and v_expires_at is not null) then
      perform colloquy.schedule_removal(p_user_id, v_key.conversation_id);
    end if;
  end if;

  v_begun.conversation_id := v_key.conversation_id;
  v_begun.turn_id := v_turn.id;
  if v_begun.outcome = 'begun' then
    v_begun.user_message_id := v_turn.user_message_id;
    v_begun.message_id := v_turn.message_id;
    v_begun.attempt := v_turn.attempt;
    v_begun.model := v_turn.model;
    v_begun.done_calls := v_turn.done_calls;
    v_window := colloquy.turn_window(
      p_user_id => p_user_id, p_conversation_id => v_key.conversation_id, p_position => v_turn.position,
      p_is_again => v_turn.answer_position is not null,
      p_start => (v_turn.window_starts ->> v_window_size::text)::integer,
      p_messages => p_history_messages, p_tokens => v_history_tokens);
    v_begun.message := v_window.message;
    v_begun.history := v_window.history;
    v_begun.window_state := v_window.window_state;
  end if;
  return v_begun;
end
$_$;

--
-- Name: schedule_removal(text, uuid); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.schedule_removal(p_user_id text, p_conversation_id uuid) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  insert into colloquy.removals (user_id, conversation_id, remove_at)
  select c.user_id, c.id, c.expires_at
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id and c.expires_at is not null
  on conflict on constraint removals_pkey do update
  set remove_at = excluded.remove_at
  where removals.remove_at > excluded.remove_at;
end
$$;

--
-- Name: search_batch(text, integer, uuid); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.search_batch(p_user_id text, p_limit integer, p_before uuid) RETURNS TABLE(number integer, version integer, conversation_id uuid, "position" integer, entry text)
    LANGUAGE plpgsql
    AS $$
declare
  -- in bytes
  c_most integer;
  v_sealed_to uuid;
  v_segments integer;
  v_row record;
begin
  perform colloquy.act_as(p_user_id);
  c_most := 16777216;
  v_sealed_to := '00000000-0000-0000-0000-000000000000';
  v_segments := 0;
  for v_row in
    select s.number, s.version, s.conversation_ids, s.first_positions, s.lengths
    from colloquy.search_segments s
    where s.user_id = p_user_id and s.signature is null
    order by s.number desc
    limit 1
  loop
    return query
      select v_row.number, v_row.version, r.conversation_id, r.first + i,
        case when r.first + i = 0 then c.title when m.role <> 'summary' then m.content end
      from unnest(v_row.conversation_ids, v_row.first_positions, v_row.lengths)
        with ordinality r (conversation_id, first, length, n)
      cross join lateral generate_series(0, r.length - 1) i
      cross join lateral (
        select c.title from colloquy.conversations c where c.user_id = p_user_id and c.id = r.conversation_id offset 0
      ) c
      left join lateral (
        select m.role, m.content
        from colloquy.messages m
        where m.user_id = p_user_id and m.conversation_id = r.conversation_id and m.position = r.first + i
        offset 0
      ) m on true
      order by r.n, i;
    return;
  end loop;

  for v_row in select i.sealed_to, i.segments from colloquy.search_indexes i where i.user_id = p_user_id loop
    v_sealed_to := v_row.sealed_to;
    v_segments := v_row.segments;
  end loop;
  return query
    with opened as (
      select t.conversation_id, t.sealed_position, 0 as later
      from colloquy.search_tails t
      where t.user_id = p_user_id and t.conversation_id <= v_sealed_to
      union all
      select n.id, -1, 1
      from (
        select c.id
        from colloquy.conversations c
        where c.user_id = p_user_id and c.id > v_sealed_to and c.id < p_before
        order by c.id
        limit p_limit
      ) n
    ),
    entries as (
      select o.later, o.conversation_id, e.position, e.entry,
        sum(octet_length(e.entry)) over running as bytes, row_number() over running as n
      from opened o
      join colloquy.conversations c on c.user_id = p_user_id and c.id = o.conversation_id
      left join colloquy.turns t on t.user_id = p_user_id and t.id = c.last_turn_id
      cross join lateral (
        select 0 as position, coalesce(c.title, '') as entry
        where o.sealed_position < 0
        union all
        select m.position, case when m.role = 'summary' then '' else m.content end
        from colloquy.messages m
        where m.user_id = p_user_id and m.conversation_id = o.conversation_id and m.position > o.sealed_position
          and m.position <= case
            when t.status in ('running', 'failed', 'interrupted') then t.position - 1 else c.last_position end
        order by 1
        limit p_limit
      ) e
      window running as (order by o.later, o.conversation_id, e.position)
      order by o.later, o.conversation_id, e.position
      limit p_limit
    ),
    fitting as (
      select e.later, e.conversation_id, e.position, e.entry, e.n,
        max(e.n) over () = p_limit or max(e.bytes) over () > c_most as is_enough
      from entries e
      where e.n = 1 or e.bytes <= c_most
    )
    select null::integer, v_segments, f.conversation_id, f.position, f.entry
    from fitting f
    where f.is_enough
    order by f.n;
end
$$;

--
-- Name: search_candidates(bytea, integer[], bit); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.search_candidates(p_signature bytea, p_slices integer[], p_bits bit) RETURNS bit
    LANGUAGE plpgsql IMMUTABLE
    AS $$
declare
  v_bits bit(1024) := p_bits;
  v_slice integer;
begin
  foreach v_slice in array p_slices loop
    -- Each slice is read on its own, and most segments have nothing of a rare word after two or three.
    exit when p_signature is null or bit_count(v_bits) = 0;
    v_bits := v_bits & ('x' || encode(substring(p_signature from v_slice * 128 + 1 for 128), 'hex'))::bit(1024);
  end loop;
  return v_bits;
end
$$;

--
-- Name: search_compare(text, uuid, uuid, integer[], bit varying[], bit varying[], uuid, uuid, boolean, timestamp with time zone, timestamp with time zone, text[], text[], text[], text[], text[], jsonb[], text, integer, timestamp with time zone, uuid, integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.search_compare(p_user_id text, p_floor uuid, p_sealed_to uuid, p_numbers integer[], p_bits bit varying[], p_full bit varying[], p_first uuid, p_last uuid, p_archived boolean, p_after timestamp with time zone, p_before timestamp with time zone, p_any text[], p_starts text[], p_wholes text[], p_coarse text[], p_stem_patterns text[], p_stems jsonb[], p_phrase text, p_rank integer, p_time timestamp with time zone, p_id uuid, p_limit integer) RETURNS TABLE(conversation_id uuid, "position" integer, rank integer, created_at timestamp with time zone, id uuid)
    LANGUAGE plpgsql STABLE
    AS $$
declare
  v_entry record;
  v_bound integer;
  -- how many results come before all that follow
  v_certain integer := 0;
  v_sum integer;
  v_is_stemmed boolean;
  v_words text[];
  v_new text[];
  -- Words that begin like those of a term's stems, after the number of the term: all that have been looked up, and those of a stem.
  v_known text[] := '{}';
  v_same text[] := '{}';
  v_conversations uuid[] := '{}';
  v_positions integer[] := '{}';
  v_ranks integer[] := '{}';
  v_times timestamptz[] := '{}';
  v_ids uuid[] := '{}';
begin
  for v_entry in
    with runs as materialized (
      -- Short ones, so that few rows are read that are no candidates, and many at once where all are.
      -- The bounds are columns: PostgreSQL 15 looks nothing that a policy guards up by what a function makes of a row.
      select e.conversation_id, e.first + i as first, w.bits, w.full_bits,
        e.first + i + position(B'1' in w.bits) - 1 as reads_from, e.first + i + length(w.bits) as reads_to
      from unnest(p_numbers, p_bits, p_full) b (number, bits, full_bits)
      join colloquy.search_segments s on s.user_id = p_user_id and s.number = b.number
      cross join lateral (
        select u.conversation_id, u.first, u.length,
          sum(u.length) over (order by u.n rows unbounded preceding)::integer - u.length as before
        from unnest(s.conversation_ids, s.first_positions, s.lengths)
          with ordinality u (conversation_id, first, length, n)
      ) e
      cross join lateral generate_series(0, e.length - 1, 32) i
      cross join lateral (
        select substring(b.bits from e.before + i + 1 for least(32, e.length - i)) as bits,
          substring(b.full_bits from e.before + i + 1 for least(32, e.length - i)) as full_bits
        offset 0
      ) w
      where e.conversation_id >= p_first and e.conversation_id <= p_last
        -- Most conversations have none.
        and bit_count(substring(b.bits from e.before + 1 for e.length)) > 0 and bit_count(w.bits) > 0
    ),
    entries as (
      select m.conversation_id, m.position, m.id, m.created_at, m.content as text,
        get_bit(r.full_bits, m.position - r.first) = 1 as is_full
      from runs r
      cross join lateral (
        select m.conversation_id, m.position, m.id, m.created_at, m.role, m.content
        from colloquy.messages m
        where m.user_id = p_user_id and m.conversation_id = r.conversation_id
          and m.position >= r.reads_from and m.position < r.reads_to
        offset 0
      ) m
      where get_bit(r.bits, m.position - r.first) = 1 and m.role <> 'summary'
      union all
      select r.conversation_id, 0, c.id, c.created_at, c.title, get_bit(r.full_bits, 0) = 1
      from runs r
      cross join lateral (
        select c.id, c.created_at, c.title
        from colloquy.conversations c
        where c.user_id = p_user_id and c.id = r.conversation_id
        offset 0
      ) c
      where r.first = 0 and get_bit(r.bits, 0) = 1
      union all
      select m.conversation_id, m.position, m.id, m.created_at, m.content, true
      from colloquy.messages m
      where m.user_id = p_user_id and m.conversation_id > p_floor
        and m.conversation_id >= p_first and m.conversation_id <= p_last and m.role <> 'summary'
      union all
      select m.conversation_id, m.position, m.id, m.created_at, m.content, true
      from colloquy.search_tails t
      cross join lateral (
        select m.conversation_id, m.position, m.id, m.created_at, m.role, m.content
        from colloquy.messages m
        where m.user_id = p_user_id and m.conversation_id = t.conversation_id and m.position > t.sealed_position
        offset 0
      ) m
      where p_floor is not null and t.user_id = p_user_id and t.conversation_id <= p_sealed_to
        and t.conversation_id >= p_first and t.conversation_id <= p_last and m.role <> 'summary'
      union all
      select c.id, 0, c.id, c.created_at, c.title, true
      from colloquy.conversations c
      where p_floor is not null and c.user_id = p_user_id and c.id > p_sealed_to and c.id >= p_first and c.id <= p_last
      union all
      select c.id, 0, c.id, c.created_at, c.title, true
      from colloquy.search_tails t
      cross join lateral (
        select c.id, c.created_at, c.title
        from colloquy.conversations c
        where c.user_id = p_user_id and c.id = t.conversation_id
        offset 0
      ) c
      where p_floor is not null and t.user_id = p_user_id and t.conversation_id <= p_sealed_to and t.sealed_position < 0
        and t.conversation_id >= p_first and t.conversation_id <= p_last
    )
    select e.conversation_id, e.position, e.id, e.created_at, e.bound, e.is_phrase, x.text
    from (
      select e.conversation_id, e.position, e.id, e.created_at, e.text, p.is_phrase,
        least(
          case when e.is_full then 80 else (4 * cardinality(p_any) - 2) * 20 / cardinality(p_any) end
            + case when p.is_phrase then 20 else 0 end,
          case when p_rank is not null then p_rank - case when (e.created_at, e.id) < (p_time, p_id) then 0 else 1 end end
        ) as bound
      from entries e
      cross join lateral (select p_phrase is null or (e.is_full and e.text ~ p_phrase) as is_phrase offset 0) p
      where (p_after is null or e.created_at >= p_after) and (p_before is null or e.created_at < p_before)
        -- What does not have each term is not compared with the longer pattern.
        and (p_phrase is null or e.text ~ all (p_coarse))
      order by bound desc, e.created_at desc, e.id desc
      offset 0
    ) e
    -- What is long is stored elsewhere, and is read once so.
    cross join lateral (select e.text || '' as text offset 0) x
    cross join lateral (
      select
      from colloquy.conversations c
      where c.user_id = p_user_id and c.id = e.conversation_id and (p_archived is null or c.archived = p_archived)
        and colloquy.is_live(c.expires_at)
        -- Not before it is known that the text matches.
        and x.text is not null
      offset 0
    ) c
    where p_phrase is not null or x.text ~ all (p_coarse)
  loop
    if v_entry.bound is distinct from v_bound then
      v_bound := v_entry.bound;
      v_certain := (select count(*) from unnest(v_ranks) f (rank) where f.rank > v_bound);
    end if;
    exit when v_certain > p_limit;

    v_sum := 0;
    for n in 1 .. cardinality(p_any) loop
      -- Of some terms only this counts, and it is there.
      if (p_stem_patterns[n] is null and p_starts[n] = p_any[n]) or v_entry.text ~ p_starts[n] then
        v_sum := v_sum + case when v_entry.text ~ p_wholes[n] then 4 else 3 end;
        continue;
      end if;
      if p_stem_patterns[n] is not null then
        v_words := array(
          select n || ' ' || g.groups[1]
          from regexp_matches(v_entry.text, p_stem_patterns[n], 'g') g (groups));
        if not v_words <@ v_known then
          v_new := array(select distinct w.word from unnest(v_words) w (word) where w.word <> all (v_known));
          v_known := v_known || v_new;
          v_same := v_same || colloquy.search_stemmed(p_words => v_new, p_stems => p_stems);
        end if;
        v_is_stemmed := v_words && v_same;
      end if;
      v_sum := v_sum + case
        when p_stem_patterns[n] is null then 1
        when v_is_stemmed then 2
        when v_entry.text ~ p_any[n] then 1
      end;
      -- There is only a word that begins like those of the stem.
      exit when v_sum is null;
    end loop;
    rank := v_sum * 20 / cardinality(p_any) + case when v_entry.is_phrase then 20 else 0 end;
    continue when v_sum is null or (rank, v_entry.created_at, v_entry.id) >= (p_rank, p_time, p_id);
    -- A title that is the beginning of the first message says nothing that this does not.
    if v_entry.position = 0 then
      continue when exists (
        select
        from colloquy.conversations c
        join colloquy.messages m on m.user_id = p_user_id and m.conversation_id = c.id and m.position = 1
        where c.user_id = p_user_id and c.id = v_entry.conversation_id and c.title_by = 'message' and m.role <> 'summary'
          and (p_after is null or m.created_at >= p_after) and (p_before is null or m.created_at < p_before)
          and m.content ~ all (p_coarse));
    end if;
    v_conversations := v_conversations || v_entry.conversation_id;
    v_positions := v_positions || v_entry.position;
    v_ranks := v_ranks || rank;
    v_times := v_times || v_entry.created_at;
    v_ids := v_ids || v_entry.id;
    if rank = v_bound then
      v_certain := v_certain + 1;
    end if;
  end loop;
  return query
    select f.conversation_id, f.position, f.rank, f.created_at, f.id
    from unnest(v_conversations, v_positions, v_ranks, v_times, v_ids) f (conversation_id, position, rank, created_at, id)
    order by f.rank desc, f.created_at desc, f.id desc
    limit p_limit + 1;
end
$$;

--
-- Name: search_messages(text, jsonb, text, text, uuid, boolean, timestamp with time zone, timestamp with time zone, integer, integer, integer, timestamp with time zone, uuid, integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.search_messages(p_user_id text, p_terms jsonb, p_phrase text, p_word text, p_conversation_id uuid, p_archived boolean, p_after timestamp with time zone, p_before timestamp with time zone, p_upper integer, p_lower integer, p_rank integer, p_time timestamp with time zone, p_id uuid, p_limit integer) RETURNS TABLE(results json, window_end integer, unsealed integer, is_complete boolean, has_stale boolean)
    LANGUAGE plpgsql STABLE
    AS $$
declare
  -- How many entries of the tail are compared, how many candidates fill a window, and how many a request may have.
  c_tail integer;
  c_window integer;
  c_most integer;
  v_sealed_to uuid;
  v_segments integer;
  -- of the conversations that are searched
  v_first uuid;
  -- where the tail begins, so far as it can be compared
  v_floor uuid;
  v_last uuid;
  v_segment record;
  v_any text[];
  v_starts text[];
  v_wholes text[];
  v_stem_patterns text[];
  v_stems jsonb[];
  v_letters integer[];
  v_coarse text[];
  v_slices integer[];
  -- slices of the terms themselves that words of their stems need not have
  v_other_slices integer[];
  v_bits bit(1024);
  -- the segments that have candidates which are not compared yet, which of these may have all the terms, and how many they are
  v_numbers integer[] := '{}';
  v_candidates bit varying[] := '{}';
  v_full bit varying[] := '{}';
  v_waiting integer;
  v_checked integer;
  v_found record;
  v_reader refcursor;
  v_is_last boolean;
  v_is_full boolean;
  v_conversations uuid[] := '{}';
  v_positions integer[] := '{}';
  v_ranks integer[] := '{}';
  v_times timestamptz[] := '{}';
  v_ids uuid[] := '{}';
begin
  perform colloquy.act_as(p_user_id);
  -- Citus has to see the user's id in order to find the node.
  perform set_config('plan_cache_mode', 'force_generic_plan', true)
  where current_setting('citus.propagate_set_commands', true) is null;
  c_tail := 30000;
  c_window := 400;
  -- What each costs depends on the terms.
  c_most := greatest(c_window, least(3000, 6000 / jsonb_array_length(p_terms)));
  v_sealed_to := '00000000-0000-0000-0000-000000000000';
  v_segments := 0;
  v_is_full := false;
  v_first := coalesce(p_conversation_id, '00000000-0000-0000-0000-000000000000');
  v_last := coalesce(p_conversation_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  is_complete := true;
  unsealed := 0;
  for v_segment in select i.sealed_to, i.segments from colloquy.search_indexes i where i.user_id = p_user_id loop
    v_sealed_to := v_segment.sealed_to;
    v_segments := v_segment.segments;
  end loop;

  select array_agg(t."any" order by t.n), array_agg(t.start order by t.n), array_agg(t.whole order by t.n),
    array_agg(t.stem_pattern order by t.n), array_agg(t.stems order by t.n), array_agg(t.letters order by t.n),
    array_agg(t."any" || coalesce('|' || t.stem_pattern, '') order by t.n)
  into v_any, v_starts, v_wholes, v_stem_patterns, v_stems, v_letters, v_coarse
  from (
    select e.n, e."any", e.start, e.whole, s.stems, s.letters,
      e.before || '(' || array_to_string(e.pieces[1:s.letters], '') || p_word || '*)' as stem_pattern
    from rows from (jsonb_to_recordset(p_terms) as ("any" text, start text, whole text, word text, before text, pieces text[]))
      with ordinality e ("any", start, whole, word, before, pieces, n)
    left join lateral colloquy.search_stems(e.word) s on e.word is not null
  ) t;
  -- A term's entries have all slices of the term. With stems they have those of what the words of the stems begin with, and so
  -- does the term.
  select coalesce(array_agg(distinct w.slice) filter (where w.is_needed), '{}'),
    coalesce(array_agg(distinct w.slice) filter (where not w.is_needed), '{}')
  into v_slices, v_other_slices
  from (
    select s.slice, bool_or(s.is_needed) as is_needed
    from rows from (jsonb_to_recordset(p_terms) as (slices integer[], trigrams integer[]))
      with ordinality e (slices, trigrams, n)
    cross join lateral (
      select unnest(case when v_letters[e.n] is null then e.slices else e.trigrams[1:least(v_letters[e.n] - 2, 6)] end), true
      union all
      select unnest(e.slices), false
    ) s (slice, is_needed)
    group by s.slice
  ) w;

  if p_upper is null then
    -- On the keys alone, which the index has.
    select count(*) into unsealed
    from (
      select
      from colloquy.messages m
      where m.user_id = p_user_id and m.conversation_id > v_sealed_to
        and m.conversation_id >= v_first and m.conversation_id <= v_last
      limit c_tail + 1
    ) m;
    v_floor := v_sealed_to;
    if unsealed > c_tail then
      is_complete := false;
      select m.conversation_id into v_floor
      from colloquy.messages m
      where m.user_id = p_user_id and m.conversation_id > v_sealed_to
        and m.conversation_id >= v_first and m.conversation_id <= v_last
      order by m.conversation_id desc, m.position desc
      offset c_tail limit 1;
    end if;
    unsealed := unsealed + (
      select count(*)
      from colloquy.conversations c
      where c.user_id = p_user_id and c.id > v_sealed_to and c.id >= v_first and c.id <= v_last
    ) + (
      select count(*)
      from colloquy.search_tails t
      join colloquy.messages m
        on m.user_id = p_user_id and m.conversation_id = t.conversation_id and m.position > t.sealed_position
      where t.user_id = p_user_id and t.conversation_id >= v_first and t.conversation_id <= v_last
    );
  end if;

  -- The tail is compared as well, but never fills a window alone: the newest segment with candidates is compared with it. Of what a
  -- request compares at most it is no part.
  v_waiting := least(unsealed, c_window - 1);
  v_checked := -v_waiting;
  window_end := coalesce(p_upper, v_segments + 1);
  open v_reader for
    select s.number, s.signature
    from colloquy.search_segments s
    where s.user_id = p_user_id and (p_upper is null or s.number < p_upper) and (p_lower is null or s.number >= p_lower)
      and (p_conversation_id is null or p_conversation_id = any (s.conversation_ids))
    order by s.number desc;
  loop
    fetch v_reader into v_segment;
    v_is_last := not found;
    if not v_is_last then
      window_end := v_segment.number;
      v_bits := colloquy.search_candidates(
        p_signature => v_segment.signature, p_slices => v_slices, p_bits => ~ (0::bit(1024)));
      if bit_count(v_bits) > 0 then
        v_waiting := v_waiting + bit_count(v_bits);
        v_numbers := v_numbers || v_segment.number;
        v_candidates := v_candidates || v_bits::bit varying;
        v_full := v_full || colloquy.search_candidates(
          p_signature => v_segment.signature, p_slices => v_other_slices, p_bits => v_bits)::bit varying;
      end if;
      -- Where some were found already, a few more may fill the page.
      continue when p_lower is not null or v_waiting < case when v_ranks = '{}' then c_window else c_window / 2 end;
    end if;
    select array_agg(f.conversation_id) as conversations, array_agg(f.position) as positions, array_agg(f.rank) as ranks,
      array_agg(f.created_at) as times, array_agg(f.id) as ids
    into v_found
    from colloquy.search_compare(
      p_user_id => p_user_id, p_floor => v_floor, p_sealed_to => v_sealed_to, p_numbers => v_numbers,
      p_bits => v_candidates, p_full => v_full, p_first => v_first, p_last => v_last, p_archived => p_archived,
      p_after => p_after, p_before => p_before, p_any => v_any, p_starts => v_starts, p_wholes => v_wholes,
      -- The longest first: it is most likely the one that a text does not have.
      p_coarse => array(select c.pattern from unnest(v_coarse) c (pattern) order by length(c.pattern) desc),
      p_stem_patterns => v_stem_patterns, p_stems => v_stems, p_phrase => p_phrase, p_rank => p_rank, p_time => p_time,
      p_id => p_id, p_limit => p_limit) f;
    if v_found.ranks is not null then
      v_conversations := v_conversations || v_found.conversations;
      v_positions := v_positions || v_found.positions;
      v_ranks := v_ranks || v_found.ranks;
      v_times := v_times || v_found.times;
      v_ids := v_ids || v_found.ids;
    end if;
    v_checked := v_checked + v_waiting;
    v_waiting := 0;
    v_numbers := '{}';
    v_candidates := '{}';
    v_full := '{}';
    v_floor := null;
    v_is_full := p_lower is null and (v_checked >= c_most or cardinality(v_ranks) > p_limit);
    exit when v_is_last or v_is_full;
  end loop;
  close v_reader;
  window_end := case when p_lower is not null then p_lower when v_is_full then window_end else 0 end;

  has_stale := exists (
    select from colloquy.search_segments s where s.user_id = p_user_id and s.signature is null);
  select coalesce(json_agg(
    json_build_object(
      'position', p.position, 'rank', p.rank, 'id', p.id, 'conversation_id', p.conversation_id, 'title', c.title,
      'archived', c.archived, 'role', m.role,
      'created_at', to_char(p.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      'stemmed', (
        select coalesce(json_agg(distinct split_part(w.word, ' ', 2)), '[]')
        from unnest(colloquy.search_stemmed(
          p_words => array(
            select t.n || ' ' || g.groups[1]
            from unnest(v_stem_patterns) with ordinality t (pattern, n)
            cross join lateral regexp_matches(x.text, t.pattern, 'g') g (groups)
            where t.pattern is not null),
          p_stems => v_stems)) w (word)),
      'text', substr(x.text, y.start, 500), 'is_cut', y.start > 1)
    order by p.rank desc, p.created_at desc, p.id desc), '[]')
  into results
  from (
    select f.conversation_id, f.position, f.rank, f.created_at, f.id
    from unnest(v_conversations, v_positions, v_ranks, v_times, v_ids) f (conversation_id, position, rank, created_at, id)
    order by f.rank desc, f.created_at desc, f.id desc
    limit p_limit + 1
  ) p
  cross join lateral (
    select c.title, c.archived
    from colloquy.conversations c
    where c.user_id = p_user_id and c.id = p.conversation_id
    offset 0
  ) c
  left join lateral (
    select m.role, m.content
    from colloquy.messages m
    where m.user_id = p_user_id and m.conversation_id = p.conversation_id and m.position = p.position
    offset 0
  ) m on true
  cross join lateral (select coalesce(m.content, c.title) as text) x
  cross join lateral (
    select greatest(1, regexp_instr(x.text, case when x.text ~ p_phrase then p_phrase else v_coarse[1] end) - 100) as start
  ) y;
  return next;
end
$$;

--
-- Name: search_stemmed(text[], jsonb[]); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.search_stemmed(p_words text[], p_stems jsonb[]) RETURNS text[]
    LANGUAGE plpgsql STABLE
    AS $$
begin
  return array(
    select w.word
    from (
      select e.word, split_part(e.word, ' ', 1)::integer as n,
        -- Not every locale of a database knows these letters.
        translate(lower(left(split_part(e.word, ' ', 2), 60)),
          'АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩÄÖÜÀÂÁÃÅÇÉÈÊËÍÌÎÏÑÓÒÔÕÚÙÛ',
          'абвгдеёжзийклмнопрстуфхцчшщъыьэюяαβγδεζηθικλμνξοπρστυφχψωäöüàâáãåçéèêëíìîïñóòôõúùû') as folded
      from unnest(p_words) e (word)
      -- Once a word, and not once a dictionary.
      offset 0
    ) w
    where exists (
      select
      from jsonb_each_text(p_stems[w.n]) s
      where (ts_lexize(s.key::oid::regdictionary, w.folded))[1] = s.value));
end
$$;

--
-- Name: search_stems(text); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.search_stems(p_word text, OUT stems jsonb, OUT letters integer) RETURNS record
    LANGUAGE plpgsql STABLE
    AS $$
begin
  select jsonb_object_agg(s.dictionary::oid, s.stem), min(length(s.beginning))
  into stems, letters
  from (
    select d.dictionary, d.stem,
      -- English writes "city" with the stem "citi".
      case when d.stem like '%i' then left(d.stem, -1) else d.stem end as beginning
    from (
      select name::regdictionary as dictionary, (ts_lexize(name::regdictionary, p_word))[1] as stem
      from unnest(array[
        'pg_catalog.english_stem', 'pg_catalog.german_stem', 'pg_catalog.french_stem', 'pg_catalog.spanish_stem',
        'pg_catalog.italian_stem', 'pg_catalog.portuguese_stem', 'pg_catalog.dutch_stem', 'pg_catalog.swedish_stem',
        'pg_catalog.danish_stem', 'pg_catalog.norwegian_stem', 'pg_catalog.finnish_stem', 'pg_catalog.russian_stem',
        'pg_catalog.greek_stem', 'pg_catalog.turkish_stem', 'pg_catalog.hungarian_stem', 'pg_catalog.romanian_stem',
        'pg_catalog.arabic_stem', 'pg_catalog.hindi_stem'
      ]) name
      -- Once a dictionary, and not each time that a stem is named.
      offset 0
    ) d
  ) s
  where length(s.beginning) >= 3 and starts_with(p_word, s.beginning);
end
$$;

--
-- Name: set_title(text, uuid, text, text, integer, integer, integer, integer, integer, bigint); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.set_title(p_user_id text, p_conversation_id uuid, p_title text, p_model text, p_input_tokens integer, p_output_tokens integer, p_cached_input_tokens integer, p_reasoning_tokens integer, p_total_tokens integer, p_cost bigint DEFAULT NULL::bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  perform colloquy.act_as(p_user_id);
  update colloquy.conversations c
  set title = p_title, title_by = 'model', updated_at = colloquy.stable_clock()
  where c.user_id = p_user_id and c.id = p_conversation_id and p_title is not null and c.title_by = 'message';
  if found then
    perform colloquy.note_update(p_user_id, p_conversation_id, 'conversation-updated');
  end if;
  perform colloquy.unindex_title(p_user_id, p_conversation_id);
  perform colloquy.add_job_usage(
    p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_model => p_model,
    p_input_tokens => p_input_tokens, p_output_tokens => p_output_tokens,
    p_cached_input_tokens => p_cached_input_tokens, p_reasoning_tokens => p_reasoning_tokens,
    p_total_tokens => p_total_tokens, p_cost => p_cost);
end
$$;

--
-- Name: settle_count(text, uuid, uuid, boolean, boolean); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.settle_count(p_user_id text, p_turn_id uuid, p_begun_id uuid, p_is_minute boolean, p_is_day boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  if p_begun_id is null then
    update colloquy.turn_counts c
    set running = array_remove(c.running, p_turn_id),
      minute_turns = c.minute_turns - p_is_minute::integer, day_turns = c.day_turns - p_is_day::integer
    where c.user_id = p_user_id;
    delete from colloquy.turn_counts c
    where c.user_id = p_user_id and c.running = '{}' and c.minute_turns = 0 and c.day_turns = 0;
  elsif p_begun_id <> p_turn_id then
    update colloquy.turn_counts c
    set running = array_replace(array_remove(c.running, p_begun_id), p_turn_id, p_begun_id)
    where c.user_id = p_user_id;
  end if;
end
$$;

--
-- Name: settle_total(date[], bigint[]); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.settle_total(p_days date[], p_amounts bigint[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
  v_sum record;
begin
  for v_sum in
    select s.day, date_trunc('month', s.day::timestamp)::date as month, extract(day from s.day)::integer as number,
      sum(s.amount)::bigint as amount
    from unnest(p_days, p_amounts) s (day, amount)
    group by s.day
    having sum(s.amount) <> 0
    order by s.day
  loop
    perform colloquy.act_as(null);
    if v_sum.amount < 0 then
      insert into colloquy.total_spending (user_id, month, spent, days)
      values ('', v_sum.month, 0, array_fill(0::bigint, array[31]))
      on conflict do nothing;
    end if;
    update colloquy.total_spending s
    set spent = s.spent - v_sum.amount, days[v_sum.number] = s.days[v_sum.number] - v_sum.amount
    where s.user_id = '' and s.month = v_sum.month;
  end loop;
end
$$;

--
-- Name: sharding_state(text[]); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.sharding_state(p_called text[]) RETURNS TABLE(version text, fault text, workers integer, shards integer, is_begun boolean, is_ledger_local boolean, local_tables text[], leftovers text[], functions text[], unready_nodes text[])
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tables regclass[];
begin
  select e.extversion into version from pg_extension e where e.extname = 'citus';
  if not found then
    return next;
    return;
  end if;
  select count(*) filter (where n.shouldhaveshards and n.isactive) into workers
  from pg_dist_node n
  where n.noderole = 'primary';
  fault := case
    when not citus_is_coordinator() then 'this node is not the coordinator of the Citus cluster'
    when not exists (select from pg_dist_node n where n.groupid = 0) then
      'the coordinator is not one of the cluster''s nodes: run select citus_set_coordinator_host(''<host>'', <port>);'
    when workers = 0 then 'no node takes shards: run select citus_add_node(''<host>'', <port>); for each worker'
    when to_regrole('colloquy_app') is null then 'there is no role colloquy_app, which keeps users apart while tables are copied'
  end;

  with recursive own (id) as (
    select c.oid
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'user_id'
    where c.relnamespace = 'colloquy'::regnamespace and c.relkind in ('r', 'p')
  ),
  referring (id, depth) as (
    select o.id, 0 from own o
    union
    select k.conrelid, r.depth + 1
    from referring r
    join pg_constraint k on k.confrelid = r.id and k.contype = 'f' and k.conrelid <> k.confrelid
  ),
  ordered (id, depth) as (
    select r.id, max(r.depth) from referring r group by r.id
  )
  select array_agg(o.id::regclass order by o.id <> 'colloquy.conversations'::regclass, o.depth, o.id::regclass::text)
  into v_tables
  from ordered o;
  local_tables := array(
    select t.id::text
    from unnest(v_tables) with ordinality t (id, n)
    where not exists (select from pg_dist_partition p where p.logicalrelid = t.id)
    order by t.n);
  is_begun := exists (select from pg_dist_partition p where p.logicalrelid = any (v_tables));
  is_ledger_local := not exists (select from pg_dist_partition p where p.logicalrelid = 'colloquy.migrations'::regclass);
  leftovers := array(
    select p.logicalrelid::text
    from pg_dist_partition p
    where p.logicalrelid = any (v_tables || 'colloquy.migrations'::regclass) and pg_relation_size(p.logicalrelid) > 0
    order by array_position(v_tables, p.logicalrelid));
  select nullif(count(*), 0) into shards
  from pg_dist_shard s
  where s.logicalrelid = 'colloquy.conversations'::regclass;
  functions := array(
    select p.oid::regprocedure::text
    from pg_proc p
    left join pg_dist_object d on d.classid = 'pg_proc'::regclass and d.objid = p.oid
    where p.pronamespace = 'colloquy'::regnamespace
      and (d.objid is null or (d.distribution_argument_index is null and colloquy.is_delegated(p.oid, p_called)))
    order by 1);
  if fault is null and is_begun then
    unready_nodes := array(
      select n.nodename || ':' || n.nodeport
      from run_command_on_all_nodes(
        'select r.rolcanlogin and r.rolconfig @> array[''lock_timeout=1334ms''] from pg_roles r where r.rolname = ''colloquy_app''') a
      join pg_dist_node n on n.nodeid = a.nodeid
      where a.result is distinct from 't'
      order by 1);
  end if;
  return next;
end
$$;

--
-- Name: stable_clock(); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.stable_clock() RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return colloquy.clock();
end
$$;

--
-- Name: store_segment(text, integer, integer, uuid[], integer[], integer[], text[], bytea); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.store_segment(p_user_id text, p_number integer, p_version integer, p_conversation_ids uuid[], p_first_positions integer[], p_lengths integer[], p_titles text[], p_signature bytea) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare
  v_unchanged integer;
begin
  perform colloquy.act_as(p_user_id);
  if p_number is not null then
    update colloquy.search_segments s
    set signature = p_signature, conversation_ids = p_conversation_ids, first_positions = p_first_positions,
      lengths = p_lengths
    where s.user_id = p_user_id and s.number = p_number and s.version = p_version and s.signature is null;
    return found;
  end if;

  perform from colloquy.conversations c
  where c.user_id = p_user_id and c.id = any (p_conversation_ids)
  order by c.id
  for no key update skip locked;
  get diagnostics v_unchanged = row_count;
  if v_unchanged < cardinality(p_conversation_ids) then
    return false;
  end if;
  if exists (
    select
    from unnest(p_conversation_ids, p_first_positions, p_titles) e (id, first, title)
    join colloquy.conversations c on c.user_id = p_user_id and c.id = e.id
    where e.first = 0 and e.title is distinct from coalesce(c.title, '')
  ) then
    return false;
  end if;

  insert into colloquy.search_indexes (user_id, sealed_to, segments)
  values (p_user_id, '00000000-0000-0000-0000-000000000000', 0)
  on conflict do nothing;
  perform from colloquy.search_indexes i
  where i.user_id = p_user_id and i.segments = p_version
  for no key update;
  if not found then
    return false;
  end if;
  insert into colloquy.search_segments
    (user_id, number, conversation_ids, first_positions, lengths, signature)
  values
    (p_user_id, p_version + 1, p_conversation_ids, p_first_positions, p_lengths, p_signature);
  update colloquy.search_indexes i
  set segments = p_version + 1,
    sealed_to = greatest(i.sealed_to, (select max(e.id::text collate "C")::uuid from unnest(p_conversation_ids) e (id)))
  where i.user_id = p_user_id;
  delete from colloquy.search_tails t
  where t.user_id = p_user_id and t.conversation_id = any (p_conversation_ids);
  insert into colloquy.search_tails (user_id, conversation_id, sealed_position)
  select p_user_id, c.id, e.first + e.length - 1
  from unnest(p_conversation_ids, p_first_positions, p_lengths) e (id, first, length)
  join colloquy.conversations c on c.user_id = p_user_id and c.id = e.id
  where c.last_position > e.first + e.length - 1;
  return true;
end
$$;

--
-- Name: store_summary(text, uuid, uuid, uuid, text, integer, integer, text, integer, integer, integer, integer, integer, bigint); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.store_summary(p_user_id text, p_conversation_id uuid, p_claim uuid, p_message_id uuid, p_text text, p_window_tokens integer, p_through integer, p_model text, p_input_tokens integer, p_output_tokens integer, p_cached_input_tokens integer, p_reasoning_tokens integer, p_total_tokens integer, p_cost bigint DEFAULT NULL::bigint) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare
  v_now timestamptz(3);
  v_position integer;
  v_conversation record;
  v_through integer;
begin
  perform colloquy.act_as(p_user_id);
  select c.summary_position, c.active_path into v_conversation
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id and c.summary_claim = p_claim and p_text is not null
  for no key update;
  if found then
    v_through := p_through;
    if v_conversation.active_path is not null then
      v_through := upper(
        colloquy.path_to(p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_position => p_through + 1)
        * int4multirange(int4range(1, p_through + 1))) - 1;
    end if;
    v_now := colloquy.clock();
    update colloquy.conversations c
    set last_position = c.last_position + 1, summary_position = c.last_position + 1, updated_at = v_now,
      summary_claim = null, summary_claimed_until = null
    where c.user_id = p_user_id and c.id = p_conversation_id
    returning c.last_position into v_position;
    insert into colloquy.messages
      (user_id, conversation_id, position, id, role, status, content, window_tokens, summarized_through,
       previous_summary, created_at)
    values
      (p_user_id, p_conversation_id, v_position, p_message_id, 'summary', 'completed', p_text, p_window_tokens, v_through,
       v_conversation.summary_position, v_now);
    perform colloquy.note_update(p_user_id, p_conversation_id, 'conversation-updated');
  end if;
  perform colloquy.add_job_usage(
    p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_model => p_model,
    p_input_tokens => p_input_tokens, p_output_tokens => p_output_tokens,
    p_cached_input_tokens => p_cached_input_tokens, p_reasoning_tokens => p_reasoning_tokens,
    p_total_tokens => p_total_tokens, p_cost => p_cost);
  return v_position is not null;
end
$$;

--
-- Name: sync_attempts(json, integer, text); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.sync_attempts(p_entries json, p_lease_ms integer, p_user_id text DEFAULT ''::text) RETURNS TABLE(entry integer, state text, seq integer, events json)
    LANGUAGE plpgsql
    AS $$
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

--
-- Name: turn_window(text, uuid, integer, boolean, integer, integer, integer); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.turn_window(p_user_id text, p_conversation_id uuid, p_position integer, p_is_again boolean, p_start integer, p_messages integer, p_tokens integer, OUT message text, OUT history json, OUT window_state json) RETURNS record
    LANGUAGE plpgsql STABLE
    AS $$
declare
  v_conversation record;
  v_window record;
begin
  select c.summary_position, c.active_path into v_conversation
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id;
  if p_is_again then
    select m.content into message
    from colloquy.messages m
    where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position = p_position;
  end if;
  v_window := colloquy.history_window(
    p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_before => p_position, p_start => p_start,
    p_path => case when v_conversation.active_path is not null then
      colloquy.path_to(p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_position => p_position) end,
    p_summary_position => v_conversation.summary_position, p_messages => p_messages, p_tokens => p_tokens);
  history := v_window.history;
  window_state := v_window.window_state;
end
$$;

--
-- Name: unindex_conversations(text, uuid[]); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.unindex_conversations(p_user_id text, p_conversation_ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
  v_segment record;
begin
  delete from colloquy.search_tails t
  where t.user_id = p_user_id and t.conversation_id = any (p_conversation_ids);
  for v_segment in
    select s.number, s.conversation_ids, s.first_positions, s.lengths
    from colloquy.search_segments s
    where s.user_id = p_user_id and s.conversation_ids && p_conversation_ids
    order by s.number
    for no key update
  loop
    select coalesce(array_agg(k.id order by k.n), '{}'), coalesce(array_agg(k.first order by k.n), '{}'),
      coalesce(array_agg(k.length order by k.n), '{}')
    into v_segment.conversation_ids, v_segment.first_positions, v_segment.lengths
    from unnest(v_segment.conversation_ids, v_segment.first_positions, v_segment.lengths)
      with ordinality k (id, first, length, n)
    where k.id <> all (p_conversation_ids);
    update colloquy.search_segments s
    set signature = null, version = s.version + 1, conversation_ids = v_segment.conversation_ids,
      first_positions = v_segment.first_positions, lengths = v_segment.lengths
    where s.user_id = p_user_id and s.number = v_segment.number;
  end loop;
end
$$;

--
-- Name: unindex_title(text, uuid); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.unindex_title(p_user_id text, p_conversation_id uuid) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  perform colloquy.act_as(p_user_id);
  update colloquy.search_segments s
  set signature = null, version = s.version + 1
  where s.user_id = p_user_id and p_conversation_id = any (s.conversation_ids)
    and s.first_positions[array_position(s.conversation_ids, p_conversation_id)] = 0;
end
$$;

--
-- Name: wait_messages(json, text); Type: FUNCTION; Schema: colloquy; Owner: -
--

CREATE FUNCTION colloquy.wait_messages(p_entries json, p_user_id text DEFAULT ''::text) RETURNS TABLE(entry integer, outcome text)
    LANGUAGE plpgsql
    AS $$
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

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: branches; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.branches (
    user_id text NOT NULL,
    conversation_id uuid NOT NULL,
    "position" integer NOT NULL,
    parent_position integer NOT NULL,
    ancestors int4multirange
);

ALTER TABLE ONLY colloquy.branches FORCE ROW LEVEL SECURITY;

--
-- Name: conversations; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.conversations (
    user_id text NOT NULL,
    id uuid NOT NULL,
    title text,
    title_by colloquy.title_maker DEFAULT 'message'::text NOT NULL,
    archived boolean DEFAULT false NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    last_position integer NOT NULL,
    last_turn_id uuid,
    created_at timestamp(3) with time zone NOT NULL,
    updated_at timestamp(3) with time zone NOT NULL,
    last_turn_at timestamp(3) with time zone NOT NULL,
    summary_position integer,
    summary_claim uuid,
    summary_claimed_until timestamp(3) with time zone,
    active_path int4multirange,
    pinned boolean DEFAULT false NOT NULL,
    expires_at timestamp(3) with time zone,
    own_expires_at timestamp(3) with time zone,
    retained_from timestamp(3) with time zone,
    assistant text,
    noted_at timestamp with time zone
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02');

ALTER TABLE ONLY colloquy.conversations FORCE ROW LEVEL SECURITY;

--
-- Name: feedback; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.feedback (
    user_id text NOT NULL,
    conversation_id uuid NOT NULL,
    message_id uuid NOT NULL,
    rating text,
    comment text,
    updated_at timestamp(3) with time zone NOT NULL,
    CONSTRAINT feedback_rating_check CHECK ((rating = ANY (ARRAY['up'::text, 'down'::text])))
);

ALTER TABLE ONLY colloquy.feedback FORCE ROW LEVEL SECURITY;

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
)
WITH (autovacuum_vacuum_scale_factor='0.05');

ALTER TABLE ONLY colloquy.idempotency_keys FORCE ROW LEVEL SECURITY;

--
-- Name: messages; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.messages (
    user_id text NOT NULL,
    conversation_id uuid NOT NULL,
    "position" integer NOT NULL,
    id uuid NOT NULL,
    turn_id uuid,
    parent_id uuid,
    role colloquy.message_role NOT NULL,
    status colloquy.message_status NOT NULL,
    content text NOT NULL,
    tool_calls jsonb DEFAULT '[]'::jsonb NOT NULL,
    window_tokens integer DEFAULT 0 NOT NULL,
    history_calls jsonb,
    created_at timestamp(3) with time zone NOT NULL,
    reasoning jsonb,
    continuation jsonb,
    summarized_through integer,
    previous_summary integer
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02');

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
    functions_program text,
    tried_at timestamp(3) with time zone
);

--
-- Name: removals; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.removals (
    user_id text NOT NULL,
    conversation_id uuid NOT NULL,
    remove_at timestamp(3) with time zone NOT NULL
);

ALTER TABLE ONLY colloquy.removals FORCE ROW LEVEL SECURITY;

--
-- Name: retention; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.retention (
    user_id text NOT NULL,
    claimed_by uuid,
    claimed_until timestamp(3) with time zone,
    rule text,
    after_user text,
    after_id uuid
);

ALTER TABLE ONLY colloquy.retention FORCE ROW LEVEL SECURITY;

--
-- Name: search_indexes; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.search_indexes (
    user_id text NOT NULL,
    sealed_to uuid NOT NULL,
    segments integer NOT NULL
);

ALTER TABLE ONLY colloquy.search_indexes FORCE ROW LEVEL SECURITY;

--
-- Name: search_segments; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.search_segments (
    user_id text NOT NULL,
    number integer NOT NULL,
    conversation_ids uuid[] NOT NULL,
    first_positions integer[] NOT NULL,
    lengths integer[] NOT NULL,
    signature bytea,
    version integer DEFAULT 0 NOT NULL
);
ALTER TABLE ONLY colloquy.search_segments ALTER COLUMN signature SET STORAGE EXTERNAL;

ALTER TABLE ONLY colloquy.search_segments FORCE ROW LEVEL SECURITY;

--
-- Name: search_tails; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.search_tails (
    user_id text NOT NULL,
    conversation_id uuid NOT NULL,
    sealed_position integer NOT NULL
);

ALTER TABLE ONLY colloquy.search_tails FORCE ROW LEVEL SECURITY;

--
-- Name: total_reservations; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.total_reservations (
    user_id text NOT NULL,
    turn_id uuid NOT NULL,
    attempt integer NOT NULL,
    reserved bigint NOT NULL,
    reserved_on date NOT NULL
);

ALTER TABLE ONLY colloquy.total_reservations FORCE ROW LEVEL SECURITY;

--
-- Name: total_spending; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.total_spending (
    user_id text NOT NULL,
    month date NOT NULL,
    spent bigint NOT NULL,
    days bigint[] NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000');

ALTER TABLE ONLY colloquy.total_spending FORCE ROW LEVEL SECURITY;

--
-- Name: turn_counts; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.turn_counts (
    user_id text NOT NULL,
    running uuid[] NOT NULL,
    minute_started_at timestamp(3) with time zone NOT NULL,
    minute_turns integer NOT NULL,
    day date NOT NULL,
    day_turns integer NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='5000');

ALTER TABLE ONLY colloquy.turn_counts FORCE ROW LEVEL SECURITY;

--
-- Name: turn_events; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.turn_events (
    user_id text NOT NULL,
    turn_id uuid NOT NULL,
    attempt integer NOT NULL,
    seq integer NOT NULL,
    events json NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='5000');

ALTER TABLE ONLY colloquy.turn_events FORCE ROW LEVEL SECURITY;

--
-- Name: turns; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.turns (
    user_id text NOT NULL,
    id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    "position" integer NOT NULL,
    status colloquy.turn_status NOT NULL,
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
    created_at timestamp(3) with time zone NOT NULL,
    finished_at timestamp(3) with time zone,
    finish_reason text,
    reasoning_tokens integer,
    window_starts jsonb,
    answer_position integer,
    cost bigint,
    reserved bigint,
    reserved_on date
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02');

ALTER TABLE ONLY colloquy.turns FORCE ROW LEVEL SECURITY;

--
-- Name: update_streams; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.update_streams (
    user_id text NOT NULL,
    since timestamp with time zone NOT NULL
);

ALTER TABLE ONLY colloquy.update_streams FORCE ROW LEVEL SECURITY;

--
-- Name: updates; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.updates (
    user_id text NOT NULL,
    at timestamp with time zone NOT NULL,
    conversation_id uuid NOT NULL,
    type text NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.05');

ALTER TABLE ONLY colloquy.updates FORCE ROW LEVEL SECURITY;

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
    total_tokens bigint NOT NULL,
    reasoning_tokens bigint DEFAULT 0 NOT NULL,
    cost bigint
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='5000');

ALTER TABLE ONLY colloquy.usage FORCE ROW LEVEL SECURITY;

--
-- Name: waiting_messages; Type: TABLE; Schema: colloquy; Owner: -
--

CREATE TABLE colloquy.waiting_messages (
    user_id text NOT NULL,
    turn_id uuid NOT NULL,
    wait_until timestamp(3) with time zone NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000');

ALTER TABLE ONLY colloquy.waiting_messages FORCE ROW LEVEL SECURITY;

--
-- Name: branches branches_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.branches
    ADD CONSTRAINT branches_pkey PRIMARY KEY (user_id, conversation_id, "position");

--
-- Name: conversations conversations_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.conversations
    ADD CONSTRAINT conversations_pkey PRIMARY KEY (user_id, id);

--
-- Name: feedback feedback_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.feedback
    ADD CONSTRAINT feedback_pkey PRIMARY KEY (user_id, conversation_id, message_id);

--
-- Name: idempotency_keys idempotency_keys_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key_hash);

--
-- Name: message_role message_role_check; Type: CHECK CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER DOMAIN colloquy.message_role
    ADD CONSTRAINT message_role_check CHECK ((VALUE = ANY (ARRAY['user'::text, 'assistant'::text, 'summary'::text]))) NOT VALID;

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
-- Name: removals removals_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.removals
    ADD CONSTRAINT removals_pkey PRIMARY KEY (user_id, conversation_id);

--
-- Name: retention retention_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.retention
    ADD CONSTRAINT retention_pkey PRIMARY KEY (user_id);

--
-- Name: search_indexes search_indexes_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.search_indexes
    ADD CONSTRAINT search_indexes_pkey PRIMARY KEY (user_id);

--
-- Name: search_segments search_segments_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.search_segments
    ADD CONSTRAINT search_segments_pkey PRIMARY KEY (user_id, number);

--
-- Name: search_tails search_tails_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.search_tails
    ADD CONSTRAINT search_tails_pkey PRIMARY KEY (user_id, conversation_id);

--
-- Name: total_reservations total_reservations_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.total_reservations
    ADD CONSTRAINT total_reservations_pkey PRIMARY KEY (user_id, turn_id);

--
-- Name: total_spending total_spending_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.total_spending
    ADD CONSTRAINT total_spending_pkey PRIMARY KEY (user_id, month);

--
-- Name: turn_counts turn_counts_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.turn_counts
    ADD CONSTRAINT turn_counts_pkey PRIMARY KEY (user_id);

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
-- Name: update_streams update_streams_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.update_streams
    ADD CONSTRAINT update_streams_pkey PRIMARY KEY (user_id);

--
-- Name: updates updates_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.updates
    ADD CONSTRAINT updates_pkey PRIMARY KEY (user_id, at, conversation_id, type);

--
-- Name: usage usage_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.usage
    ADD CONSTRAINT usage_pkey PRIMARY KEY (user_id, day, model);

--
-- Name: waiting_messages waiting_messages_pkey; Type: CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.waiting_messages
    ADD CONSTRAINT waiting_messages_pkey PRIMARY KEY (user_id, turn_id);

--
-- Name: branches_by_parent; Type: INDEX; Schema: colloquy; Owner: -
--

CREATE INDEX branches_by_parent ON colloquy.branches USING btree (user_id, conversation_id, parent_position);

--
-- Name: conversations_by_last_turn; Type: INDEX; Schema: colloquy; Owner: -
--

CREATE INDEX conversations_by_last_turn ON colloquy.conversations USING btree (user_id, archived, last_turn_at DESC, id DESC);

--
-- Name: idempotency_keys_by_age; Type: INDEX; Schema: colloquy; Owner: -
--

CREATE INDEX idempotency_keys_by_age ON colloquy.idempotency_keys USING btree (created_at);

--
-- Name: removals_by_time; Type: INDEX; Schema: colloquy; Owner: -
--

CREATE INDEX removals_by_time ON colloquy.removals USING btree (remove_at);

--
-- Name: turns_by_conversation; Type: INDEX; Schema: colloquy; Owner: -
--

CREATE INDEX turns_by_conversation ON colloquy.turns USING btree (user_id, conversation_id);

--
-- Name: updates_by_age; Type: INDEX; Schema: colloquy; Owner: -
--

CREATE INDEX updates_by_age ON colloquy.updates USING btree (at);

--
-- Name: branches branches_user_id_conversation_id_fkey; Type: FK CONSTRAINT; Schema: colloquy; Owner: -
--

ALTER TABLE ONLY colloquy.branches
    ADD CONSTRAINT branches_user_id_conversation_id_fkey FOREIGN KEY (user_id, conversation_id) REFERENCES colloquy.conversations(user_id, id) ON DELETE CASCADE;

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
-- Name: branches acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.branches USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: conversations acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.conversations USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: feedback acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.feedback USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: idempotency_keys acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.idempotency_keys USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: messages acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.messages USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: removals acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.removals USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: retention acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.retention USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: search_indexes acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.search_indexes USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: search_segments acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.search_segments USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: search_tails acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.search_tails USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: total_reservations acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.total_reservations USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: total_spending acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.total_spending USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: turn_counts acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.turn_counts USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: turn_events acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.turn_events USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: turns acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.turns USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: update_streams acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.update_streams USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: updates acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.updates USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: usage acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.usage USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: waiting_messages acting_user; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY acting_user ON colloquy.waiting_messages USING ((user_id = current_setting('colloquy.user_id'::text, true)));

--
-- Name: branches; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.branches ENABLE ROW LEVEL SECURITY;

--
-- Name: conversations; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.conversations ENABLE ROW LEVEL SECURITY;

--
-- Name: feedback; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.feedback ENABLE ROW LEVEL SECURITY;

--
-- Name: idempotency_keys; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.idempotency_keys ENABLE ROW LEVEL SECURITY;

--
-- Name: messages; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.messages ENABLE ROW LEVEL SECURITY;

--
-- Name: conversations pruning; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY pruning ON colloquy.conversations FOR SELECT USING ((current_setting('colloquy.pruning'::text, true) = 'on'::text));

--
-- Name: idempotency_keys pruning; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY pruning ON colloquy.idempotency_keys FOR SELECT USING (((current_setting('colloquy.pruning'::text, true) = 'on'::text) AND (created_at < (now() - '24:00:00'::interval))));

--
-- Name: removals pruning; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY pruning ON colloquy.removals FOR SELECT USING ((current_setting('colloquy.pruning'::text, true) = 'on'::text));

--
-- Name: updates pruning; Type: POLICY; Schema: colloquy; Owner: -
--

CREATE POLICY pruning ON colloquy.updates FOR SELECT USING (((current_setting('colloquy.pruning'::text, true) = 'on'::text) AND (at < (now() - '24:00:00'::interval))));

--
-- Name: removals; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.removals ENABLE ROW LEVEL SECURITY;

--
-- Name: retention; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.retention ENABLE ROW LEVEL SECURITY;

--
-- Name: search_indexes; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.search_indexes ENABLE ROW LEVEL SECURITY;

--
-- Name: search_segments; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.search_segments ENABLE ROW LEVEL SECURITY;

--
-- Name: search_tails; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.search_tails ENABLE ROW LEVEL SECURITY;

--
-- Name: total_reservations; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.total_reservations ENABLE ROW LEVEL SECURITY;

--
-- Name: total_spending; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.total_spending ENABLE ROW LEVEL SECURITY;

--
-- Name: turn_counts; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.turn_counts ENABLE ROW LEVEL SECURITY;

--
-- Name: turn_events; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.turn_events ENABLE ROW LEVEL SECURITY;

--
-- Name: turns; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.turns ENABLE ROW LEVEL SECURITY;

--
-- Name: update_streams; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.update_streams ENABLE ROW LEVEL SECURITY;

--
-- Name: updates; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.updates ENABLE ROW LEVEL SECURITY;

--
-- Name: usage; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.usage ENABLE ROW LEVEL SECURITY;

--
-- Name: waiting_messages; Type: ROW SECURITY; Schema: colloquy; Owner: -
--

ALTER TABLE colloquy.waiting_messages ENABLE ROW LEVEL SECURITY;

--
-- Name: SCHEMA colloquy; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA colloquy TO colloquy_app;

--
-- Name: TABLE branches; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.branches TO colloquy_app;

--
-- Name: TABLE conversations; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.conversations TO colloquy_app;

--
-- Name: TABLE feedback; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.feedback TO colloquy_app;

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
-- Name: TABLE removals; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.removals TO colloquy_app;

--
-- Name: TABLE retention; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.retention TO colloquy_app;

--
-- Name: TABLE search_indexes; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.search_indexes TO colloquy_app;

--
-- Name: TABLE search_segments; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.search_segments TO colloquy_app;

--
-- Name: TABLE search_tails; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.search_tails TO colloquy_app;

--
-- Name: TABLE total_reservations; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.total_reservations TO colloquy_app;

--
-- Name: TABLE total_spending; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.total_spending TO colloquy_app;

--
-- Name: TABLE turn_counts; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.turn_counts TO colloquy_app;

--
-- Name: TABLE turn_events; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.turn_events TO colloquy_app;

--
-- Name: TABLE turns; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.turns TO colloquy_app;

--
-- Name: TABLE update_streams; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.update_streams TO colloquy_app;

--
-- Name: TABLE updates; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.updates TO colloquy_app;

--
-- Name: TABLE usage; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.usage TO colloquy_app;

--
-- Name: TABLE waiting_messages; Type: ACL; Schema: colloquy; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE colloquy.waiting_messages TO colloquy_app;

--
-- PostgreSQL database dump complete
--
