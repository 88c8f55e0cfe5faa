-- Searches a user's messages and titles. One row, always.
--
-- An entry is a message, or a title, which has the position 0. Entries are in segments of up to 1,024, each with a signature
-- that tells which of them may have a term (src/search/signature.ts); what is in no segment yet, the tail, is compared
-- directly. Ranking takes all matches of a window: of the tail and as many segments, the newest first, as give about 500
-- candidates. A search that matches more goes on with the next window, so that no request reads everything.
--
-- p_terms: [{"any", "start", "whole": patterns, "word": null or folded, "before": a pattern of what comes before a word,
--   "after": of what comes after it, "pieces": patterns of the word's letters, "slices"}, …]
-- p_upper, p_lower: the window: segments from p_lower up to before p_upper. Null p_upper: the first one, with the tail; null
--   p_lower: a new one. p_rank, p_time, p_id: the last result before the page, or null.
-- results: [{"position", "rank", "created_at", "text" (around a match), "stemmed" (its words of the terms' stems), …}, …] at most p_limit + 1, by rank, then the newest first, then by id
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
  v_found record;
  v_any text[];
  v_starts text[];
  v_wholes text[];
  v_stem_patterns text[];
  v_stems jsonb[];
  v_letters integer[];
  v_coarse text[];
  v_before text;
  v_after text;
  v_slices integer[];
  v_slice_terms integer[];
  v_slice_ways integer[];
  v_bits bit(1024);
  v_checked integer;
  v_conversations uuid[] := '{}';
  v_positions integer[] := '{}';
  v_ranks integer[] := '{}';
  v_times timestamptz[] := '{}';
  v_ids uuid[] := '{}';
  v_is_full boolean;
begin
  perform colloquy.act_as(p_user_id);
  -- Citus has to see the user's id in order to find the node.
  perform set_config('plan_cache_mode', 'force_generic_plan', true)
  where current_setting('citus.propagate_set_commands', true) is null;
  c_tail := 30000;
  c_window := 500;
  c_most := 3000;
  v_sealed_to := '00000000-0000-0000-0000-000000000000';
  v_segments := 0;
  v_checked := 0;
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
    array_agg(t.stem_pattern order by t.n), array_agg(t.stems order by t.n),
    array_agg(t.letters order by t.n), array_agg(t."any" || coalesce('|' || t.stem_pattern, '') order by t.n),
    min(t.before), min(t.after)
  into v_any, v_starts, v_wholes, v_stem_patterns, v_stems, v_letters, v_coarse, v_before, v_after
  from (
    select e.n, e."any", e.start, e.whole, e.before, e.after, s.stems, s.letters,
      e.before || '(' || array_to_string(e.pieces[1:s.letters], '') || p_word || '*)' as stem_pattern
    from rows from (jsonb_to_recordset(p_terms) as ("any" text, start text, whole text, word text, before text, after text,
      pieces text[])) with ordinality e ("any", start, whole, word, before, after, pieces, n)
    left join lateral colloquy.search_stems(e.word) s on e.word is not null
  ) t;
  -- A term's entries have all slices of the term, or all of what the words of its stems begin with.
  select array_agg(w.n), array_agg(w.way), array_agg(w.slice)
  into v_slice_terms, v_slice_ways, v_slices
  from (
    select e.n, 0 as way, unnest(e.slices) as slice
    from rows from (jsonb_to_recordset(p_terms) as (slices integer[])) with ordinality e (slices, n)
    union all
    select e.n, 1, unnest(e.trigrams[1:least(v_letters[e.n] - 2, 6)])
    from rows from (jsonb_to_recordset(p_terms) as (trigrams integer[])) with ordinality e (trigrams, n)
    where v_letters[e.n] is not null
  ) w;

  if p_upper is null then
    -- On the keys alone, which the index has.
    select m.conversation_id into v_floor
    from colloquy.messages m
    where m.user_id = p_user_id and m.conversation_id > v_sealed_to
      and m.conversation_id >= v_first and m.conversation_id <= v_last
    order by m.conversation_id desc, m.position desc
    offset c_tail limit 1;
    is_complete := v_floor is null;
    v_floor := coalesce(v_floor, v_sealed_to);
    with entries as (
      select m.conversation_id, m.position, m.id, m.created_at,
        case when m.role <> 'summary' then m.content end as text
      from colloquy.messages m
      where m.user_id = p_user_id and m.conversation_id > v_floor
        and m.conversation_id >= v_first and m.conversation_id <= v_last
      union all
      select m.conversation_id, m.position, m.id, m.created_at,
        case when m.role <> 'summary' then m.content end
      from colloquy.search_tails t
      cross join lateral (
        select m.conversation_id, m.position, m.id, m.created_at, m.role, m.content
        from colloquy.messages m
        where m.user_id = p_user_id and m.conversation_id = t.conversation_id and m.position > t.sealed_position
        offset 0
      ) m
      where t.user_id = p_user_id and t.conversation_id <= v_sealed_to
        and t.conversation_id >= v_first and t.conversation_id <= v_last
      union all
      select c.id, 0, c.id, c.created_at, c.title
      from colloquy.conversations c
      where c.user_id = p_user_id and c.id > v_sealed_to and c.id >= v_first and c.id <= v_last
      union all
      select c.id, 0, c.id, c.created_at, c.title
      from colloquy.search_tails t
      cross join lateral (
        select c.id, c.created_at, c.title
        from colloquy.conversations c
        where c.user_id = p_user_id and c.id = t.conversation_id
        offset 0
      ) c
      where t.user_id = p_user_id and t.conversation_id <= v_sealed_to and t.sealed_position < 0
        and t.conversation_id >= v_first and t.conversation_id <= v_last
    ),
    matching as materialized (
      select e.conversation_id, e.position, e.id, e.created_at,
        case
          when e.text ~ all (v_coarse)
            and (p_after is null or e.created_at >= p_after) and (p_before is null or e.created_at < p_before)
          then e.text end as text
      from entries e
    ),
    -- Which words have the stems is found out once for all entries.
    stemmed as materialized (
      select array_agg(v_before || '(?:' || w.words || ')' || v_after order by t.n) as patterns
      from generate_subscripts(v_any, 1) t (n)
      left join (
        select d.n, string_agg(d.word, '|' order by d.word) as words
        from (
          select distinct p.n, m.groups[1] as word
          from unnest(v_stem_patterns) with ordinality p (pattern, n)
          cross join matching e
          cross join lateral regexp_matches(e.text, p.pattern, 'g') m (groups)
          where p.pattern is not null
          offset 0
        ) d
        where exists (select from colloquy.search_stemmed(d.word, v_stem_patterns[d.n], v_stems[d.n]))
        group by d.n
      ) w on w.n = t.n
    ),
    ranked as (
      select e.conversation_id, e.position, e.id, e.created_at,
        case
          when e.text is null then 0
          else colloquy.search_rank(e.text, v_any, v_starts, v_wholes, p_phrase, (select s.patterns from stemmed s)) end as rank
      from matching e
    )
    select count(*) as entries, array_agg(r.conversation_id) filter (where r.rank > 0) as conversations,
      array_agg(r.position) filter (where r.rank > 0) as positions, array_agg(r.rank) filter (where r.rank > 0) as ranks,
      array_agg(r.created_at) filter (where r.rank > 0) as times, array_agg(r.id) filter (where r.rank > 0) as ids
    into v_found
    from ranked r;
    unsealed := v_found.entries;
    if v_found.ranks is not null then
      v_checked := cardinality(v_found.ranks);
      v_conversations := v_found.conversations;
      v_positions := v_found.positions;
      v_ranks := v_found.ranks;
      v_times := v_found.times;
      v_ids := v_found.ids;
    end if;
  end if;

  window_end := coalesce(p_upper, v_segments + 1);
  for v_segment in
    select s.number, s.conversation_ids, s.first_positions, s.lengths, s.signature is null as is_stale
    from colloquy.search_segments s
    where s.user_id = p_user_id and (p_upper is null or s.number < p_upper) and (p_lower is null or s.number >= p_lower)
    order by s.number desc
  loop
    v_is_full := p_lower is null
      and (v_checked >= c_most or (v_checked >= c_window and cardinality(v_ranks) > p_limit));
    exit when v_is_full;
    window_end := v_segment.number;
    continue when p_conversation_id <> all (v_segment.conversation_ids);
    v_bits := null;
    if not v_segment.is_stale then
      select bit_and(t.bits) into v_bits
      from (
        select bit_or(w.bits) as bits
        from (
          select g.term, g.way,
            bit_and(('x' || encode(substring(s.signature from g.slice * 128 + 1 for 128), 'hex'))::bit(1024)) as bits
          from colloquy.search_segments s
          cross join unnest(v_slice_terms, v_slice_ways, v_slices) g (term, way, slice)
          where s.user_id = p_user_id and s.number = v_segment.number
          group by g.term, g.way
        ) w
        group by w.term
      ) t;
      continue when bit_count(v_bits) = 0;
    end if;
    with candidates as materialized (
      select r.conversation_id, r.first + i as position
      from (
        select e.conversation_id, e.first, e.length, sum(e.length) over (order by e.n)::integer - e.length as before
        from unnest(v_segment.conversation_ids, v_segment.first_positions, v_segment.lengths)
          with ordinality e (conversation_id, first, length, n)
      ) r
      cross join lateral generate_series(0, r.length - 1) i
      where r.conversation_id >= v_first and r.conversation_id <= v_last
        -- Most of the runs have none.
        and case when v_bits is null then true else bit_count(substring(v_bits, r.before + 1, r.length)) > 0 end
        and case when v_bits is null then true else get_bit(v_bits, r.before + i) = 1 end
    ),
    entries as (
      select x.conversation_id, x.position, m.id, m.created_at, m.content as text
      from candidates x
      cross join lateral (
        select m.id, m.created_at, m.role, m.content
        from colloquy.messages m
        where m.user_id = p_user_id and m.conversation_id = x.conversation_id and m.position = x.position
        offset 0
      ) m
      where m.role <> 'summary' and m.content ~ all (v_coarse)
      union all
      select x.conversation_id, 0, c.id, c.created_at, c.title
      from candidates x
      cross join lateral (
        select c.id, c.created_at, c.title
        from colloquy.conversations c
        where c.user_id = p_user_id and c.id = x.conversation_id
        offset 0
      ) c
      where x.position = 0 and c.title ~ all (v_coarse)
    ),
    matching as materialized (
      select e.conversation_id, e.position, e.id, e.created_at, e.text
      from entries e
      where (p_after is null or e.created_at >= p_after) and (p_before is null or e.created_at < p_before)
    ),
    stemmed as materialized (
      select array_agg(v_before || '(?:' || w.words || ')' || v_after order by t.n) as patterns
      from generate_subscripts(v_any, 1) t (n)
      left join (
        select d.n, string_agg(d.word, '|' order by d.word) as words
        from (
          select distinct p.n, m.groups[1] as word
          from unnest(v_stem_patterns) with ordinality p (pattern, n)
          cross join matching e
          cross join lateral regexp_matches(e.text, p.pattern, 'g') m (groups)
          where p.pattern is not null
          offset 0
        ) d
        where exists (select from colloquy.search_stemmed(d.word, v_stem_patterns[d.n], v_stems[d.n]))
        group by d.n
      ) w on w.n = t.n
    ),
    ranked as (
      select e.conversation_id, e.position, e.id, e.created_at,
        colloquy.search_rank(e.text, v_any, v_starts, v_wholes, p_phrase, (select s.patterns from stemmed s)) as rank
      from matching e
    )
    select (select count(*) from candidates) as entries, array_agg(r.conversation_id) as conversations,
      array_agg(r.position) as positions, array_agg(r.rank) as ranks, array_agg(r.created_at) as times,
      array_agg(r.id) as ids
    into v_found
    from ranked r
    where r.rank > 0;
    v_checked := v_checked + v_found.entries;
    if v_found.ranks is not null then
      v_conversations := v_conversations || v_found.conversations;
      v_positions := v_positions || v_found.positions;
      v_ranks := v_ranks || v_found.ranks;
      v_times := v_times || v_found.times;
      v_ids := v_ids || v_found.ids;
    end if;
  end loop;
  window_end := case when p_lower is not null then p_lower when v_is_full then window_end else 0 end;

  has_stale := exists (
    select from colloquy.search_segments s where s.user_id = p_user_id and s.signature is null);
  select coalesce(json_agg(
    json_build_object(
      'position', p.position, 'rank', p.rank, 'id', p.id, 'conversation_id', p.conversation_id, 'title', c.title,
      'archived', c.archived, 'role', m.role,
      'created_at', to_char(p.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      'stemmed', (
        select coalesce(json_agg(distinct w.word), '[]')
        from unnest(v_stem_patterns, v_stems) t (pattern, stems)
        cross join lateral colloquy.search_stemmed(x.text, t.pattern, t.stems) w
        where t.pattern is not null),
      'text', substr(x.text, y.start, 500), 'is_cut', y.start > 1)
    order by p.rank desc, p.created_at desc, p.id desc), '[]')
  into results
  from (
    select s.conversation_id, s.position, s.rank, s.created_at, s.id
    from (
      select e.conversation_id, e.position, e.rank, e.created_at, e.id
      from (
        select f.conversation_id, f.position, f.rank, f.created_at, f.id,
          bool_or(f.position = 1) over (partition by f.conversation_id) as has_first
        from unnest(v_conversations, v_positions, v_ranks, v_times, v_ids)
          f (conversation_id, position, rank, created_at, id)
      ) e
      where (p_rank is null or (e.rank, e.created_at, e.id) < (p_rank, p_time, p_id))
        -- A title that is the beginning of the first message says nothing that this does not.
        and (e.position > 0 or not e.has_first or not exists (
          select from colloquy.conversations c
          where c.user_id = p_user_id and c.id = e.conversation_id and c.title_by = 'message'))
      order by e.rank desc, e.created_at desc, e.id desc
    ) s
    -- In their order, until the page is full, so that not every match costs a look-up.
    where exists (
      select from colloquy.conversations c
      where c.user_id = p_user_id and c.id = s.conversation_id and (p_archived is null or c.archived = p_archived)
        and colloquy.is_live(c.expires_at))
    order by s.rank desc, s.created_at desc, s.id desc
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
