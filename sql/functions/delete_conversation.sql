-- Deletes a conversation with its turns and messages; false when there is none, or it has expired. Locks: conversation, then turns, as
-- everybody does.
create or replace function colloquy.delete_conversation(p_user_id text, p_conversation_id uuid) returns boolean
language plpgsql
as $$
begin
  perform colloquy.act_as(p_user_id);
  perform from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id and colloquy.is_live(c.expires_at)
  for update;
  if not found then
    return false;
  end if;
  perform colloquy.delete_conversations(p_user_id => p_user_id, p_conversation_ids => array[p_conversation_id]);
  perform colloquy.note_update(p_user_id, p_conversation_id, 'conversation-deleted');
  return true;
end
$$;
