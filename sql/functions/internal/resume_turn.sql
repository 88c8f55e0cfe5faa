-- Begins again with a key that was used before; its outcomes are those of begin_turns. p_begin_id tells a begin whose
-- answer was lost from another one. p_may_begin is as in begin_turn, p_assistants as in choose_assistant.
create or replace function colloquy.resume_turn(
  p_user_id text,
  p_key_hash bytea,
  p_fingerprint bytea,
  p_begin_id uuid,
  p_lease_ms integer,
  p_history_messages integer,
  p_history_tokens integer,
  p_window_size integer,
  p_reserved bigint,
  p_reserved_on date,
  p_may_begin boolean,
  p_retention json,
  p_assistants json
) returns colloquy.begun
language plpgsql
as $$
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
$$;
