-- Ends a turn whose lease has run out, on behalf of the instance that died, with what it is known to have said. The
-- caller has locked the conversation's row.
create or replace function colloquy.interrupt_turn(p_user_id text, p_turn_id uuid) returns void
language plpgsql
as $$
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
