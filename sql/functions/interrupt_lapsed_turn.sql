-- Interrupts a turn if its lease has run out.
create or replace function colloquy.interrupt_lapsed_turn(p_user_id text, p_turn_id uuid) returns void
language plpgsql
as $$
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
