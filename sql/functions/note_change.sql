-- What is written elsewhere of a conversation that updateConversation may have changed, in the same transaction and with its row
-- locked: the note for those who follow the user, of which the last one stays, and when it has to be removed. Of one that was not
-- changed nothing: its note is there already, or was pruned after a day, so a change that was noted long ago is not this one. An hour
-- is more than a transaction takes, or than the clocks of two nodes differ by.
create or replace function colloquy.note_change(p_user_id text, p_conversation_id uuid) returns void
language plpgsql
as $$
declare
  v_conversation record;
begin
  perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  select c.noted_at, c.expires_at into v_conversation
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id;
  if v_conversation.noted_at > colloquy.clock() - interval '1 hour' then
    insert into colloquy.updates (user_id, at, conversation_id, type)
    values (p_user_id, v_conversation.noted_at, p_conversation_id, 'conversation-updated')
    on conflict do nothing;
    if found then
      delete from colloquy.updates u
      where u.user_id = p_user_id and u.at < v_conversation.noted_at and u.conversation_id = p_conversation_id
        and u.type = 'conversation-updated';
    end if;
  end if;
  if v_conversation.expires_at is not null then
    perform colloquy.schedule_removal(p_user_id, p_conversation_id);
  end if;
end
$$;
