-- Asks whoever runs the turn to stop, and stops it itself when nobody does. outcome is
--   requested  somebody runs the turn, and finds out with the next tick
--   ended      the turn has ended, by now or before
--   not-found  there is no such turn
create or replace function colloquy.cancel_turn(p_user_id text, p_turn_id uuid) returns table (outcome text)
language plpgsql
as $$
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
