-- Compares candidates with the terms of a search. Returns the best results after p_rank, p_time and p_id, at most p_limit + 1.
-- A rank is up to 100: a whole word counts 4, the beginning of a word 3, a word of the same stem 2, a part of a word 1; the mean
-- of the terms makes 80, and all of them in a row 20. It depends on nothing but the text and the query, so that it is the same
-- on each page.
--
-- Candidates come by the rank that they can have at most, and are compared until no other can come before the results: of the
-- messages with a word that most have, few are, and few of those that cannot have more than words of its stems.
create or replace function colloquy.search_compare(
  p_user_id text,
  -- the tail: conversations after p_floor (titles: after p_sealed_to), and what search_tails has; null p_floor: without it
  p_floor uuid,
  p_sealed_to uuid,
  -- segments, and which of their entries are candidates
  p_numbers integer[],
  p_bits bit varying[],
  -- which of these may have all the terms; the others have at least one only as another word of its stem
  p_full bit varying[],
  -- the conversations that are searched
  p_first uuid,
  p_last uuid,
  p_archived boolean,
  p_after timestamptz,
  p_before timestamptz,
  -- patterns of the terms: see search_messages
  p_any text[],
  p_starts text[],
  p_wholes text[],
  p_coarse text[],
  p_stem_patterns text[],
  p_stems jsonb[],
  p_phrase text,
  p_rank integer,
  p_time timestamptz,
  p_id uuid,
  p_limit integer
) returns table (conversation_id uuid, "position" integer, rank integer, created_at timestamptz, id uuid)
language plpgsql stable
as $$
declare
  v_entry record;
  v_bound integer;
  -- how many results come before all that follow
  v_certain integer := 0;
  v_sum integer;
  v_is_stemmed boolean;
  v_words text[];
  v_new text[];
  -- Words that begin like those of a term's stems, after the number of the term: all that have been looked up, and those of a stem.
  v_known text[] := '{}';
  v_same text[] := '{}';
  v_conversations uuid[] := '{}';
  v_positions integer[] := '{}';
  v_ranks integer[] := '{}';
  v_times timestamptz[] := '{}';
  v_ids uuid[] := '{}';
begin
  for v_entry in
    with runs as materialized (
      -- Short ones, so that few rows are read that are no candidates, and many at once where all are.
      -- The bounds are columns: PostgreSQL 15 looks nothing that a policy guards up by what a function makes of a row.
      select e.conversation_id, e.first + i as first, w.bits, w.full_bits,
        e.first + i + position(B'1' in w.bits) - 1 as reads_from, e.first + i + length(w.bits) as reads_to
      from unnest(p_numbers, p_bits, p_full) b (number, bits, full_bits)
      join colloquy.search_segments s on s.user_id = p_user_id and s.number = b.number
      cross join lateral (
        select u.conversation_id, u.first, u.length,
          sum(u.length) over (order by u.n rows unbounded preceding)::integer - u.length as before
        from unnest(s.conversation_ids, s.first_positions, s.lengths)
          with ordinality u (conversation_id, first, length, n)
      ) e
      cross join lateral generate_series(0, e.length - 1, 32) i
      cross join lateral (
        select substring(b.bits from e.before + i + 1 for least(32, e.length - i)) as bits,
          substring(b.full_bits from e.before + i + 1 for least(32, e.length - i)) as full_bits
        offset 0
      ) w
      where e.conversation_id >= p_first and e.conversation_id <= p_last
        -- Most conversations have none.
        and bit_count(substring(b.bits from e.before + 1 for e.length)) > 0 and bit_count(w.bits) > 0
    ),
    entries as (
      select m.conversation_id, m.position, m.id, m.created_at, m.content as text,
        get_bit(r.full_bits, m.position - r.first) = 1 as is_full
      from runs r
      cross join lateral (
        select m.conversation_id, m.position, m.id, m.created_at, m.role, m.content
        from colloquy.messages m
        where m.user_id = p_user_id and m.conversation_id = r.conversation_id
          and m.position >= r.reads_from and m.position < r.reads_to
        offset 0
      ) m
      where get_bit(r.bits, m.position - r.first) = 1 and m.role <> 'summary'
      union all
      select r.conversation_id, 0, c.id, c.created_at, c.title, get_bit(r.full_bits, 0) = 1
      from runs r
      cross join lateral (
        select c.id, c.created_at, c.title
        from colloquy.conversations c
        where c.user_id = p_user_id and c.id = r.conversation_id
        offset 0
      ) c
      where r.first = 0 and get_bit(r.bits, 0) = 1
      union all
      select m.conversation_id, m.position, m.id, m.created_at, m.content, true
      from colloquy.messages m
      where m.user_id = p_user_id and m.conversation_id > p_floor
        and m.conversation_id >= p_first and m.conversation_id <= p_last and m.role <> 'summary'
      union all
      select m.conversation_id, m.position, m.id, m.created_at, m.content, true
      from colloquy.search_tails t
      cross join lateral (
        select m.conversation_id, m.position, m.id, m.created_at, m.role, m.content
        from colloquy.messages m
        where m.user_id = p_user_id and m.conversation_id = t.conversation_id and m.position > t.sealed_position
        offset 0
      ) m
      where p_floor is not null and t.user_id = p_user_id and t.conversation_id <= p_sealed_to
        and t.conversation_id >= p_first and t.conversation_id <= p_last and m.role <> 'summary'
      union all
      select c.id, 0, c.id, c.created_at, c.title, true
      from colloquy.conversations c
      where p_floor is not null and c.user_id = p_user_id and c.id > p_sealed_to and c.id >= p_first and c.id <= p_last
      union all
      select c.id, 0, c.id, c.created_at, c.title, true
      from colloquy.search_tails t
      cross join lateral (
        select c.id, c.created_at, c.title
        from colloquy.conversations c
        where c.user_id = p_user_id and c.id = t.conversation_id
        offset 0
      ) c
      where p_floor is not null and t.user_id = p_user_id and t.conversation_id <= p_sealed_to and t.sealed_position < 0
        and t.conversation_id >= p_first and t.conversation_id <= p_last
    )
    select e.conversation_id, e.position, e.id, e.created_at, e.bound, e.is_phrase, x.text
    from (
      select e.conversation_id, e.position, e.id, e.created_at, e.text, p.is_phrase,
        least(
          case when e.is_full then 80 else (4 * cardinality(p_any) - 2) * 20 / cardinality(p_any) end
            + case when p.is_phrase then 20 else 0 end,
          case when p_rank is not null then p_rank - case when (e.created_at, e.id) < (p_time, p_id) then 0 else 1 end end
        ) as bound
      from entries e
      cross join lateral (select p_phrase is null or (e.is_full and e.text ~ p_phrase) as is_phrase offset 0) p
      where (p_after is null or e.created_at >= p_after) and (p_before is null or e.created_at < p_before)
        -- What does not have each term is not compared with the longer pattern.
        and (p_phrase is null or e.text ~ all (p_coarse))
      order by bound desc, e.created_at desc, e.id desc
      offset 0
    ) e
    -- What is long is stored elsewhere, and is read once so.
    cross join lateral (select e.text || '' as text offset 0) x
    cross join lateral (
      select
      from colloquy.conversations c
      where c.user_id = p_user_id and c.id = e.conversation_id and (p_archived is null or c.archived = p_archived)
        and colloquy.is_live(c.expires_at)
        -- Not before it is known that the text matches.
        and x.text is not null
      offset 0
    ) c
    where p_phrase is not null or x.text ~ all (p_coarse)
  loop
    if v_entry.bound is distinct from v_bound then
      v_bound := v_entry.bound;
      v_certain := (select count(*) from unnest(v_ranks) f (rank) where f.rank > v_bound);
    end if;
    exit when v_certain > p_limit;

    v_sum := 0;
    for n in 1 .. cardinality(p_any) loop
      -- Of some terms only this counts, and it is there.
      if (p_stem_patterns[n] is null and p_starts[n] = p_any[n]) or v_entry.text ~ p_starts[n] then
        v_sum := v_sum + case when v_entry.text ~ p_wholes[n] then 4 else 3 end;
        continue;
      end if;
      if p_stem_patterns[n] is not null then
        v_words := array(
          select n || ' ' || g.groups[1]
          from regexp_matches(v_entry.text, p_stem_patterns[n], 'g') g (groups));
        if not v_words <@ v_known then
          v_new := array(select distinct w.word from unnest(v_words) w (word) where w.word <> all (v_known));
          v_known := v_known || v_new;
          v_same := v_same || colloquy.search_stemmed(p_words => v_new, p_stems => p_stems);
        end if;
        v_is_stemmed := v_words && v_same;
      end if;
      v_sum := v_sum + case
        when p_stem_patterns[n] is null then 1
        when v_is_stemmed then 2
        when v_entry.text ~ p_any[n] then 1
      end;
      -- There is only a word that begins like those of the stem.
      exit when v_sum is null;
    end loop;
    rank := v_sum * 20 / cardinality(p_any) + case when v_entry.is_phrase then 20 else 0 end;
    continue when v_sum is null or (rank, v_entry.created_at, v_entry.id) >= (p_rank, p_time, p_id);
    -- A title that is the beginning of the first message says nothing that this does not.
    if v_entry.position = 0 then
      continue when exists (
        select
        from colloquy.conversations c
        join colloquy.messages m on m.user_id = p_user_id and m.conversation_id = c.id and m.position = 1
        where c.user_id = p_user_id and c.id = v_entry.conversation_id and c.title_by = 'message' and m.role <> 'summary'
          and (p_after is null or m.created_at >= p_after) and (p_before is null or m.created_at < p_before)
          and m.content ~ all (p_coarse));
    end if;
    v_conversations := v_conversations || v_entry.conversation_id;
    v_positions := v_positions || v_entry.position;
    v_ranks := v_ranks || rank;
    v_times := v_times || v_entry.created_at;
    v_ids := v_ids || v_entry.id;
    if rank = v_bound then
      v_certain := v_certain + 1;
    end if;
  end loop;
  return query
    select f.conversation_id, f.position, f.rank, f.created_at, f.id
    from unnest(v_conversations, v_positions, v_ranks, v_times, v_ids) f (conversation_id, position, rank, created_at, id)
    order by f.rank desc, f.created_at desc, f.id desc
    limit p_limit + 1;
end
$$;
