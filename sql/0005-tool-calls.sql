-- oldest program: 1

-- The tool calls that former attempts of the turn made and that succeeded, in order: another attempt does not make
-- them again. They are read with each begin, so a turn that has too many is not tried again.
alter table colloquy.turns add column done_calls jsonb not null default '[]';

-- Called by other functions only; in place, because a program that does not know of tool calls ignores them.
-- The history window: the newest whole turns before a position that completed (or were cancelled with some text),
-- oldest first, as [{"user": …, "assistant": …}, …], with "tool_calls" where there are any: at most p_messages messages and
-- about p_tokens tokens, a token being estimated as three bytes. A tool's result comes shortened to 4,000 characters, so that one long
-- result does not push the conversation out of the window.
create or replace function colloquy.history_v1(
  p_user_id text,
  p_conversation_id uuid,
  p_before integer,
  p_messages integer,
  p_tokens integer
) returns jsonb
language plpgsql stable
as $$
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

-- Called by other functions only; in place, because what calls it, in either version of the program, wants the same.
-- What the attempt of a running turn is known to have said: the text, and the tool calls as a message stores them. A
-- call without a result has an error instead, as in the program's cut-off().
create or replace function colloquy.partial_answer_v1(p_user_id text, p_turn_id uuid)
returns table (content text, tool_calls jsonb)
language sql stable
as $$
  with said as (
    select e.seq, each.n, each.event, json_typeof(each.event) = 'string' as is_text
    from colloquy.turns t
    join colloquy.turn_events e on e.user_id = t.user_id and e.turn_id = t.id and e.attempt = t.attempt
    cross join lateral json_array_elements(e.events) with ordinality as each (event, n)
    where t.user_id = p_user_id and t.id = p_turn_id
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
      where call.type = 'tool-call'), '[]')
$$;

-- Called by other functions only; in place, because what calls it, in either version of the program, wants the same.
-- Begins again with a key that was used before; p_begin_id tells a begin whose answer was lost from another one.
create or replace function colloquy.resume_turn_v1(
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
  v_calls jsonb;
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
    or octet_length(v_turn.done_calls::text) > 4194304
  then
    v_begun.outcome := 'ended';
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

-- As begin_turn_v2, and says which tool calls of former attempts are not to be made again.
create function colloquy.begin_turn_v3(
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
) returns table (
  outcome text,
  conversation_id uuid,
  turn_id uuid,
  user_message_id uuid,
  message_id uuid,
  attempt integer,
  history jsonb,
  model text,
  done_calls jsonb
)
language plpgsql
as $$
begin
  select b.outcome, b.conversation_id, b.turn_id, b.user_message_id, b.message_id, b.attempt, b.history, p_model, '[]'
  into outcome, conversation_id, turn_id, user_message_id, message_id, attempt, history, model, done_calls
  from colloquy.begin_turn_v1(
    p_user_id, p_conversation_id, p_is_new, p_turn_id, p_user_message_id, p_message_id, p_message, p_title,
    p_model, p_lease_ms, p_history_messages, p_history_tokens, p_key_hash, p_fingerprint) b;
  if outcome = 'begun' and attempt > 1 then
    select t.model, t.done_calls into model, done_calls
    from colloquy.turns t
    where t.user_id = p_user_id and t.id = turn_id;
  end if;
  return next;
end
$$;
