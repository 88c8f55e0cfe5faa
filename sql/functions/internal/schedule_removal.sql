-- Sees to it that a conversation is looked at when it expires. Whoever lets it expire sooner than before, or for the first
-- time, calls this after it has written that, in the same transaction, for the acting user.
create or replace function colloquy.schedule_removal(p_user_id text, p_conversation_id uuid) returns void
language plpgsql
as $$
begin
  insert into colloquy.removals (user_id, conversation_id, remove_at)
  select c.user_id, c.id, c.expires_at
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id and c.expires_at is not null
  on conflict on constraint removals_pkey do update
  set remove_at = excluded.remove_at
  where removals.remove_at > excluded.remove_at;
end
$$;
