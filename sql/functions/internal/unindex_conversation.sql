-- Forgets what the search index has of a conversation: the signatures of the segments that it is in are taken away whole,
-- since nothing of it may stay behind. Until there are new ones, a search compares what else they have directly.
create or replace function colloquy.unindex_conversation(p_user_id text, p_conversation_id uuid) returns void
language plpgsql
as $$
begin
  delete from colloquy.search_tails t where t.user_id = p_user_id and t.conversation_id = p_conversation_id;
  update colloquy.search_segments s
  set signature = null, version = s.version + 1,
    conversation_ids = array_remove(s.conversation_ids, p_conversation_id),
    first_positions = s.first_positions[:array_position(s.conversation_ids, p_conversation_id) - 1]
      || s.first_positions[array_position(s.conversation_ids, p_conversation_id) + 1:],
    lengths = s.lengths[:array_position(s.conversation_ids, p_conversation_id) - 1]
      || s.lengths[array_position(s.conversation_ids, p_conversation_id) + 1:]
  where s.user_id = p_user_id and p_conversation_id = any (s.conversation_ids);
end
$$;
