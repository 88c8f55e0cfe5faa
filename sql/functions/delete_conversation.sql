-- Deletes a conversation with its turns, its messages and what the search index has of it; false when there is none. Locks: conversation, then turns, as
-- everybody does, so that a turn that ends at the same moment cannot deadlock with it, nor leave a message behind.
create or replace function colloquy.delete_conversation(p_user_id text, p_conversation_id uuid) returns boolean
language plpgsql
as $$
begin
  perform colloquy.act_as(p_user_id);
  perform from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id
  for update;
  if not found then
    return false;
  end if;
  perform colloquy.unindex_conversation(p_user_id, p_conversation_id);
  delete from colloquy.turns t where t.user_id = p_user_id and t.conversation_id = p_conversation_id;
  delete from colloquy.messages m where m.user_id = p_user_id and m.conversation_id = p_conversation_id;
  delete from colloquy.conversations c where c.user_id = p_user_id and c.id = p_conversation_id;
  return true;
end
$$;
