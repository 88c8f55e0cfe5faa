-- Deletes a conversation with its turns and messages; false when there is none, or it has expired. Of one that is longer than
-- p_rows messages, about as many rows go now, a turn that runs among them: it has expired for ever, and the removal of expired
-- conversations takes the rest. Locks: conversation, then turns, as everybody does.
create or replace function colloquy.delete_conversation(
  p_user_id text,
  p_conversation_id uuid,
  p_rows integer default 10000
) returns boolean
language plpgsql
as $$
declare
  v_last_position integer;
begin
  perform colloquy.act_as(p_user_id);
  select c.last_position into v_last_position
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id and colloquy.is_live(c.expires_at)
  for update;
  if not found then
    return false;
  end if;
  perform colloquy.delete_conversations(
    p_user_id => p_user_id, p_conversation_ids => array[p_conversation_id],
    p_rows => case when v_last_position > p_rows then p_rows end);
  perform colloquy.note_update(p_user_id, p_conversation_id, 'conversation-deleted');
  return true;
end
$$;
