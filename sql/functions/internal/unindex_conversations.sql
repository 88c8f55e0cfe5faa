-- Forgets what the search index has of conversations, which the caller has locked: the signatures of the segments that they
-- are in are taken away whole, since nothing of them may stay behind. Until there are new ones, a search compares what else
-- these segments have directly. Locks: the segments, in their order.
create or replace function colloquy.unindex_conversations(p_user_id text, p_conversation_ids uuid[]) returns void
language plpgsql
as $$
declare
  v_segment record;
begin
  delete from colloquy.search_tails t
  where t.user_id = p_user_id and t.conversation_id = any (p_conversation_ids);
  for v_segment in
    select s.number, s.conversation_ids, s.first_positions, s.lengths
    from colloquy.search_segments s
    where s.user_id = p_user_id and s.conversation_ids && p_conversation_ids
    order by s.number
    for no key update
  loop
    select coalesce(array_agg(k.id order by k.n), '{}'), coalesce(array_agg(k.first order by k.n), '{}'),
      coalesce(array_agg(k.length order by k.n), '{}')
    into v_segment.conversation_ids, v_segment.first_positions, v_segment.lengths
    from unnest(v_segment.conversation_ids, v_segment.first_positions, v_segment.lengths)
      with ordinality k (id, first, length, n)
    where k.id <> all (p_conversation_ids);
    update colloquy.search_segments s
    set signature = null, version = s.version + 1, conversation_ids = v_segment.conversation_ids,
      first_positions = v_segment.first_positions, lengths = v_segment.lengths
    where s.user_id = p_user_id and s.number = v_segment.number;
  end loop;
end
$$;
