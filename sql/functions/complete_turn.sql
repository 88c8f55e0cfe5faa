-- Completes a turn, however it ended. outcome is
--   stored  the end is stored, also when this very completion was stored before
--   gone    the conversation was deleted meanwhile
--   fenced  another attempt, or another end, came first
create or replace function colloquy.complete_turn(
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
