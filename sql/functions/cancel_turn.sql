-- Asks whoever runs the turn to stop. The outcome is 'requested', 'ended' or 'not-found'. A turn that nobody runs any
-- more is ended by interrupt_turn, like any other whose lease has run out.
create or replace function colloquy.cancel_turn(p_user_id text, p_turn_id uuid) returns table (outcome text)
language plpgsql
as $$
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
