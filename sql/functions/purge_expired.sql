-- Removes about p_rows rows of a conversation that has expired, for a caller who needs its id now: also while its turn runs, as
-- a deletion would. True when nothing of it is left, or it has not expired.
create or replace function colloquy.purge_expired(p_user_id text, p_conversation_id uuid, p_rows integer) returns boolean
language plpgsql
as $$
declare
  v_expires_at timestamptz(3);
begin
  perform colloquy.act_as(p_user_id);
  select c.expires_at into v_expires_at
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id and not colloquy.is_live(c.expires_at)
  for update;
  if not found then
    return true;
  end if;
  -- Once, as remove_conversation does.
  if v_expires_at <> '-infinity' then
    perform colloquy.note_update(p_user_id, p_conversation_id, 'conversation-deleted');
  end if;
  return (colloquy.delete_conversations(
    p_user_id => p_user_id, p_conversation_ids => array[p_conversation_id], p_rows => p_rows) ->> 'conversations')::integer = 1;
end
$$;
