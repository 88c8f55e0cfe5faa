-- Locks a conversation's row against other writers. The outcome is
--   held       the caller has the lock; last_turn_id is the turn that was begun last, last_position the last position that
--              was given out, active_path the branch that the conversation is on (null: it has no branches)
--   locked     another transaction has it, and the caller does not want to wait
--   not-found  there is no such conversation (any more), or it has expired
-- assistant is the conversation's, also when it is locked.
-- Foreign keys that point at the row do not wait for this lock, and it does not wait for them.
create or replace function colloquy.lock_conversation(
  p_user_id text,
  p_conversation_id uuid,
  p_may_wait boolean,
  out outcome text,
  out last_turn_id uuid,
  out last_position integer,
  out active_path int4multirange,
  out expires_at timestamptz,
  out assistant text
)
language plpgsql
as $$
begin
  outcome := 'held';
  select c.last_turn_id, c.last_position, c.active_path, c.expires_at, c.assistant
  into last_turn_id, last_position, active_path, expires_at, assistant
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id and colloquy.is_live(c.expires_at)
  for no key update skip locked;
  if found then
    return;
  end if;
  if p_may_wait then
    select c.last_turn_id, c.last_position, c.active_path, c.expires_at, c.assistant
    into last_turn_id, last_position, active_path, expires_at, assistant
    from colloquy.conversations c
    where c.user_id = p_user_id and c.id = p_conversation_id and colloquy.is_live(c.expires_at)
    for no key update;
    if not found then
      outcome := 'not-found';
    end if;
  else
    select c.assistant into assistant
    from colloquy.conversations c
    where c.user_id = p_user_id and c.id = p_conversation_id and colloquy.is_live(c.expires_at);
    outcome := case when found then 'locked' else 'not-found' end;
  end if;
end
$$;
