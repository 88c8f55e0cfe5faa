-- Ends a running attempt, for the user that the transaction acts for: the turn's end, the answer's message and the end of
-- the attempt's events are one write. False when the attempt does not run (any more). The turn's row is all that is locked.
-- p_window_start is where the history window began, when that has moved, for models with a window of p_window_size tokens.
create or replace function colloquy.end_turn(
  p_user_id text,
  p_turn_id uuid,
  p_attempt integer,
  -- the model that answered, or that was asked last
  p_model text,
  p_status text,
  p_content text,
  p_tool_calls jsonb,
  p_window_tokens integer,
  p_history_calls jsonb,
  p_reasoning jsonb,
  p_continuation jsonb,
  p_window_size integer,
  p_window_start integer,
  p_input_tokens integer,
  p_output_tokens integer,
  p_cached_input_tokens integer,
  p_reasoning_tokens integer,
  p_total_tokens integer,
  p_cost bigint,
  p_error_code text,
  p_finish_reason text,
  p_has_events boolean
) returns boolean
language plpgsql
as $$
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
