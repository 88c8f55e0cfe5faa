-- Ends the turn that holds the conversation, whose row the caller has locked: the answer's row, the turn's end, the
-- conversation's release, the end of the turn's events and its usage are one write.
create or replace function colloquy.end_turn(
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
