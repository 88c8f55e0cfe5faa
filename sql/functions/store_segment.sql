-- Stores what search_batch gave as a segment: the signature of one that lacked it (p_number is not null), or a new one.
-- False when something has changed meanwhile, so that the signature is of something else; nothing is stored then.
-- Locks: the conversations, for which it does not wait, then the index.
create or replace function colloquy.store_segment(
  p_user_id text,
  p_number integer,
  p_version integer,
  p_conversation_ids uuid[],
  p_first_positions integer[],
  p_lengths integer[],
  -- the title of each conversation whose first position is 0, as it was read
  p_titles text[],
  p_signature bytea
) returns boolean
language plpgsql
as $$
declare
  v_unchanged integer;
begin
  perform colloquy.act_as(p_user_id);
  if p_number is not null then
    update colloquy.search_segments s
    set signature = p_signature, conversation_ids = p_conversation_ids, first_positions = p_first_positions,
      lengths = p_lengths
    where s.user_id = p_user_id and s.number = p_number and s.version = p_version and s.signature is null;
    return found;
  end if;

  perform from colloquy.conversations c
  where c.user_id = p_user_id and c.id = any (p_conversation_ids)
  order by c.id
  for no key update skip locked;
  get diagnostics v_unchanged = row_count;
  if v_unchanged < cardinality(p_conversation_ids) then
    return false;
  end if;
  if exists (
    select
    from unnest(p_conversation_ids, p_first_positions, p_titles) e (id, first, title)
    join colloquy.conversations c on c.user_id = p_user_id and c.id = e.id
    where e.first = 0 and e.title is distinct from coalesce(c.title, '')
  ) then
    return false;
  end if;

  insert into colloquy.search_indexes (user_id, sealed_to, segments)
  values (p_user_id, '00000000-0000-0000-0000-000000000000', 0)
  on conflict do nothing;
  perform from colloquy.search_indexes i
  where i.user_id = p_user_id and i.segments = p_version
  for no key update;
  if not found then
    return false;
  end if;
  insert into colloquy.search_segments
    (user_id, number, conversation_ids, first_positions, lengths, signature)
  values
    (p_user_id, p_version + 1, p_conversation_ids, p_first_positions, p_lengths, p_signature);
  update colloquy.search_indexes i
  set segments = p_version + 1,
    sealed_to = greatest(i.sealed_to, (select max(e.id::text collate "C")::uuid from unnest(p_conversation_ids) e (id)))
  where i.user_id = p_user_id;
  delete from colloquy.search_tails t
  where t.user_id = p_user_id and t.conversation_id = any (p_conversation_ids);
  insert into colloquy.search_tails (user_id, conversation_id, sealed_position)
  select p_user_id, c.id, e.first + e.length - 1
  from unnest(p_conversation_ids, p_first_positions, p_lengths) e (id, first, length)
  join colloquy.conversations c on c.user_id = p_user_id and c.id = e.id
  where c.last_position > e.first + e.length - 1;
  return true;
end
$$;
