-- Takes the signature away from the segment that has a conversation's title, after the title has changed; until there is a new
-- one, a search compares what the segment has directly.
create or replace function colloquy.unindex_title(p_user_id text, p_conversation_id uuid) returns void
language plpgsql
as $$
begin
  perform colloquy.act_as(p_user_id);
  update colloquy.search_segments s
  set signature = null, version = s.version + 1
  where s.user_id = p_user_id and p_conversation_id = any (s.conversation_ids)
    and s.first_positions[array_position(s.conversation_ids, p_conversation_id)] = 0;
end
$$;
