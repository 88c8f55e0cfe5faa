-- Searches a user's messages and titles. One row, always.
--
-- An entry is a message, or a title, which has the position 0. Entries are in segments of up to 1,024, each with a signature
-- that tells which of them may have a term (src/search/signature.ts); what is in no segment yet, the tail, is compared
-- directly. A window is the tail and as many segments, the newest first, as give about 400 candidates with it, or more until there
-- is a page of results. Results are ranked within a window. A search that matches more goes on with the next one, so that no request
-- reads everything: beside the tail and one segment it compares about 3,000 candidates with two terms, and fewer with more.
--
-- p_terms: [{"any", "start", "whole": patterns, "word": null or folded, "before": a pattern of what comes before a word,
--   "pieces": patterns of the word's letters, "slices", "trigrams": the slices of the word}, …]
-- p_upper, p_lower: the window: segments from p_lower up to before p_upper. Null p_upper: the first one, with the tail; null
--   p_lower: a new one. p_rank, p_time, p_id: the last result before the page, or null.
-- results: [{"position", "rank", "created_at", "text" (around a match), "stemmed" (its words of the terms' stems), …}, …] at
--   most p_limit + 1, by rank, then the newest first, then by id
-- window_end: the segment with which the window ends; 0 when it is the last window
-- unsealed: how many entries the tail has; is_complete is false if it has more than can be compared at once
-- has_stale: whether a segment lacks its signature
create or replace function colloquy.search_messages(
  p_user_id text,
  p_terms jsonb,
  p_phrase text,
  p_word text,
  p_conversation_id uuid,
  p_archived boolean,
  p_after timestamptz,
  p_before timestamptz,
  p_upper integer,
  p_lower integer,
  p_rank integer,
  p_time timestamptz,
  p_id uuid,
  p_limit integer
) returns table (results json, window_end integer, unsealed integer, is_complete boolean, has_stale boolean)
-- Stable: all its queries see the same moment, so what is indexed meanwhile is neither found twice nor missed.
-- Planning a query anew for each segment would take most of the time. The one plan knows nothing of how much a user has
-- written, so what is looked up by its key is looked up in a subquery of its own (`offset 0`): joined freely, it was found
-- among all messages of the user, once for each of them, in a large table.
language plpgsql stable
as $$
declare
  -- How many entries of the tail are compared, how many candidates fill a window, and how many a request may have.
  c_tail integer;
  c_window integer;
  c_most integer;
  v_sealed_to uuid;
  v_segments integer;
  -- of the conversations that are searched
  v_first uuid;
  -- where the tail begins, so far as it can be compared
  v_floor uuid;
  v_last uuid;
  v_segment record;
  v_any text[];
  v_starts text[];
  v_wholes text[];
  v_stem_patterns text[];
  v_stems jsonb[];
  v_letters integer[];
  v_coarse text[];
  v_slices integer[];
  -- slices of the terms themselves that words of their stems need not have
  v_other_slices integer[];
  v_bits bit(1024);
  -- the segments that have candidates which are not compared yet, which of these may have all the terms, and how many they are
  v_numbers integer[] := '{}';
  v_candidates bit varying[] := '{}';
  v_full bit varying[] := '{}';
  v_waiting integer;
  v_checked integer;
  v_found record;
  v_reader refcursor;
  v_is_last boolean;
  v_is_full boolean;
  v_conversations uuid[] := '{}';
  v_positions integer[] := '{}';
  v_ranks integer[] := '{}';
  v_times timestamptz[] := '{}';
  v_ids uuid[] := '{}';
begin
  perform colloquy.act_as(p_user_id);
  -- Citus has to see the user's id in order to find the node.
  perform set_config('plan_cache_mode', 'force_generic_plan', true)
  where current_setting('citus.propagate_set_commands', true) is null;
  c_tail := 30000;
  c_window := 400;
  -- What each costs depends on the terms.
  c_most := greatest(c_window, least(3000, 6000 / jsonb_array_length(p_terms)));
  v_sealed_to := '00000000-0000-0000-0000-000000000000';
  v_segments := 0;
  v_is_full := false;
  v_first := coalesce(p_conversation_id, '00000000-0000-0000-0000-000000000000');
  v_last := coalesce(p_conversation_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  is_complete := true;
  unsealed := 0;
  for v_segment in select i.sealed_to, i.segments from colloquy.search_indexes i where i.user_id = p_user_id loop
    v_sealed_to := v_segment.sealed_to;
    v_segments := v_segment.segments;
  end loop;

  select array_agg(t."any" order by t.n), array_agg(t.start order by t.n), array_agg(t.whole order by t.n),
    array_agg(t.stem_pattern order by t.n), array_agg(t.stems order by t.n), array_agg(t.letters order by t.n),
    array_agg(t."any" || coalesce('|' || t.stem_pattern, '') order by t.n)
  into v_any, v_starts, v_wholes, v_stem_patterns, v_stems, v_letters, v_coarse
  from (
    select e.n, e."any", e.start, e.whole, s.stems, s.letters,
      e.before || '(' || array_to_string(e.pieces[1:s.letters], '') || p_word || '*)' as stem_pattern
    from rows from (jsonb_to_recordset(p_terms) as ("any" text, start text, whole text, word text, before text, pieces text[]))
      with ordinality e ("any", start, whole, word, before, pieces, n)
    left join lateral colloquy.search_stems(e.word) s on e.word is not null
  ) t;
  -- A term's entries have all slices of the term. With stems they have those of what the words of the stems begin with, and so
  -- does the term.
  select coalesce(array_agg(distinct w.slice) filter (where w.is_needed), '{}'),
    coalesce(array_agg(distinct w.slice) filter (where not w.is_needed), '{}')
  into v_slices, v_other_slices
  from (
    select s.slice, bool_or(s.is_needed) as is_needed
    from rows from (jsonb_to_recordset(p_terms) as (slices integer[], trigrams integer[]))
      with ordinality e (slices, trigrams, n)
    cross join lateral (
      select unnest(case when v_letters[e.n] is null then e.slices else e.trigrams[1:least(v_letters[e.n] - 2, 6)] end), true
      union all
      select unnest(e.slices), false
    ) s (slice, is_needed)
    group by s.slice
  ) w;

  if p_upper is null then
    -- On the keys alone, which the index has.
    select count(*) into unsealed
    from (
      select
      from colloquy.messages m
      where m.user_id = p_user_id and m.conversation_id > v_sealed_to
        and m.conversation_id >= v_first and m.conversation_id <= v_last
      limit c_tail + 1
    ) m;
    v_floor := v_sealed_to;
    if unsealed > c_tail then
      is_complete := false;
      select m.conversation_id into v_floor
      from colloquy.messages m
      where m.user_id = p_user_id and m.conversation_id > v_sealed_to
        and m.conversation_id >= v_first and m.conversation_id <= v_last
      order by m.conversation_id desc, m.position desc
      offset c_tail limit 1;
    end if;
    unsealed := unsealed + (
      select count(*)
      from colloquy.conversations c
      where c.user_id = p_user_id and c.id > v_sealed_to and c.id >= v_first and c.id <= v_last
    ) + (
      select count(*)
      from colloquy.search_tails t
      join colloquy.messages m
        on m.user_id = p_user_id and m.conversation_id = t.conversation_id and m.position > t.sealed_position
      where t.user_id = p_user_id and t.conversation_id >= v_first and t.conversation_id <= v_last
    );
  end if;

  -- The tail is compared as well, but never fills a window alone: the newest segment with candidates is compared with it. Of what a
  -- request compares at most it is no part.
  v_waiting := least(unsealed, c_window - 1);
  v_checked := -v_waiting;
  window_end := coalesce(p_upper, v_segments + 1);
  open v_reader for
    select s.number, s.signature
    from colloquy.search_segments s
    where s.user_id = p_user_id and (p_upper is null or s.number < p_upper) and (p_lower is null or s.number >= p_lower)
      and (p_conversation_id is null or p_conversation_id = any (s.conversation_ids))
    order by s.number desc;
  loop
    fetch v_reader into v_segment;
    v_is_last := not found;
    if not v_is_last then
      window_end := v_segment.number;
      v_bits := colloquy.search_candidates(
        p_signature => v_segment.signature, p_slices => v_slices, p_bits => ~ (0::bit(1024)));
      if bit_count(v_bits) > 0 then
        v_waiting := v_waiting + bit_count(v_bits);
        v_numbers := v_numbers || v_segment.number;
        v_candidates := v_candidates || v_bits::bit varying;
        v_full := v_full || colloquy.search_candidates(
          p_signature => v_segment.signature, p_slices => v_other_slices, p_bits => v_bits)::bit varying;
      end if;
      -- Where some were found already, a few more may fill the page.
      continue when p_lower is not null or v_waiting < case when v_ranks = '{}' then c_window else c_window / 2 end;
    end if;
    select array_agg(f.conversation_id) as conversations, array_agg(f.position) as positions, array_agg(f.rank) as ranks,
      array_agg(f.created_at) as times, array_agg(f.id) as ids
    into v_found
    from colloquy.search_compare(
      p_user_id => p_user_id, p_floor => v_floor, p_sealed_to => v_sealed_to, p_numbers => v_numbers,
      p_bits => v_candidates, p_full => v_full, p_first => v_first, p_last => v_last, p_archived => p_archived,
      p_after => p_after, p_before => p_before, p_any => v_any, p_starts => v_starts, p_wholes => v_wholes,
      -- The longest first: it is most likely the one that a text does not have.
      p_coarse => array(select c.pattern from unnest(v_coarse) c (pattern) order by length(c.pattern) desc),
      p_stem_patterns => v_stem_patterns, p_stems => v_stems, p_phrase => p_phrase, p_rank => p_rank, p_time => p_time,
      p_id => p_id, p_limit => p_limit) f;
    if v_found.ranks is not null then
      v_conversations := v_conversations || v_found.conversations;
      v_positions := v_positions || v_found.positions;
      v_ranks := v_ranks || v_found.ranks;
      v_times := v_times || v_found.times;
      v_ids := v_ids || v_found.ids;
    end if;
    v_checked := v_checked + v_waiting;
    v_waiting := 0;
    v_numbers := '{}';
    v_candidates := '{}';
    v_full := '{}';
    v_floor := null;
    v_is_full := p_lower is null and (v_checked >= c_most or cardinality(v_ranks) > p_limit);
    exit when v_is_last or v_is_full;
  end loop;
  close v_reader;
  window_end := case when p_lower is not null then p_lower when v_is_full then window_end else 0 end;

  has_stale := exists (
    select from colloquy.search_segments s where s.user_id = p_user_id and s.signature is null);
  select coalesce(json_agg(
    json_build_object(
      'position', p.position, 'rank', p.rank, 'id', p.id, 'conversation_id', p.conversation_id, 'title', c.title,
      'archived', c.archived, 'role', m.role,
      'created_at', to_char(p.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      'stemmed', (
        select coalesce(json_agg(distinct split_part(w.word, ' ', 2)), '[]')
        from unnest(colloquy.search_stemmed(
          p_words => array(
            select t.n || ' ' || g.groups[1]
            from unnest(v_stem_patterns) with ordinality t (pattern, n)
            cross join lateral regexp_matches(x.text, t.pattern, 'g') g (groups)
            where t.pattern is not null),
          p_stems => v_stems)) w (word)),
      'text', substr(x.text, y.start, 500), 'is_cut', y.start > 1)
    order by p.rank desc, p.created_at desc, p.id desc), '[]')
  into results
  from (
    select f.conversation_id, f.position, f.rank, f.created_at, f.id
    from unnest(v_conversations, v_positions, v_ranks, v_times, v_ids) f (conversation_id, position, rank, created_at, id)
    order by f.rank desc, f.created_at desc, f.id desc
    limit p_limit + 1
  ) p
  cross join lateral (
    select c.title, c.archived
    from colloquy.conversations c
    where c.user_id = p_user_id and c.id = p.conversation_id
    offset 0
  ) c
  left join lateral (
    select m.role, m.content
    from colloquy.messages m
    where m.user_id = p_user_id and m.conversation_id = p.conversation_id and m.position = p.position
    offset 0
  ) m on true
  cross join lateral (select coalesce(m.content, c.title) as text) x
  cross join lateral (
    select greatest(1, regexp_instr(x.text, case when x.text ~ p_phrase then p_phrase else v_coarse[1] end) - 100) as start
  ) y;
  return next;
end
$$;
