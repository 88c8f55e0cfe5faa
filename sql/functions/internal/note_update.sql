-- Notes for those who follow the acting user that a conversation was changed or deleted. Called with the conversation's row
-- locked, or gone: so the notes of one conversation have different times.
create or replace function colloquy.note_update(p_user_id text, p_conversation_id uuid, p_type text) returns void
language plpgsql
as $$
begin
  insert into colloquy.updates (user_id, at, conversation_id, type)
  values (p_user_id, colloquy.clock(), p_conversation_id, p_type)
  on conflict do nothing;
end
$$;
