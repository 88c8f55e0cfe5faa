-- Notes for those who follow the acting user that a conversation was changed or deleted. Called with the conversation's row
-- locked, or gone: so the notes of one conversation have different times. Of its changes only the last one stays noted.
create or replace function colloquy.note_update(p_user_id text, p_conversation_id uuid, p_type text) returns void
language plpgsql
as $$
declare
  v_at timestamptz := colloquy.clock();
  v_noted_at timestamptz;
begin
  if p_type = 'conversation-updated' then
    select c.noted_at into v_noted_at
    from colloquy.conversations c
    where c.user_id = p_user_id and c.id = p_conversation_id;
    delete from colloquy.updates u
    where u.user_id = p_user_id and u.at = v_noted_at and u.conversation_id = p_conversation_id and u.type = p_type;
    update colloquy.conversations c
    set noted_at = v_at
    where c.user_id = p_user_id and c.id = p_conversation_id;
  end if;
  insert into colloquy.updates (user_id, at, conversation_id, type)
  values (p_user_id, v_at, p_conversation_id, p_type)
  on conflict do nothing;
end
$$;
