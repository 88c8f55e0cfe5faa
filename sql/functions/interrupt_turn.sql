-- Ends a turn whose lease has run out, on behalf of the instance that died, with what it is known to have said. Callers
-- have to have seen the lease run out for a while: after an outage of the database the instances that live renew theirs
-- first. Nobody knows what the model has been paid for, so what the turn reserved of a budget is what it cost; of the budget for
-- all users it stays taken. False when there is nothing to do: the turn has ended, its lease was renewed, or somebody is
-- writing it now.
create or replace function colloquy.interrupt_turn(
  p_user_id text,
  p_turn_id uuid,
  -- the error of the calls that have no result
  p_cut_off text
) returns boolean
language plpgsql
as $$
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
