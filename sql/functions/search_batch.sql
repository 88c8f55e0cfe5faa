-- The entries of the next segment to make, in order: of one that lacks its signature (number is not null), else of the next
-- p_limit entries that are in none. No rows when there are fewer of those. Only what does not change any more is taken:
-- of a conversation's last turn nothing while it runs, or may be tried again. p_before: conversations from this id on are
-- left for later, because others with a smaller one may still be on their way.
create or replace function colloquy.search_batch(p_user_id text, p_limit integer, p_before uuid)
returns table (number integer, version integer, conversation_id uuid, "position" integer, entry text)
language plpgsql
as $$
declare
  -- in bytes
  c_most integer;
  v_sealed_to uuid;
  v_segments integer;
  v_row record;
begin
  perform colloquy.act_as(p_user_id);
  c_most := 16777216;
  v_sealed_to := '00000000-0000-0000-0000-000000000000';
  v_segments := 0;
  for v_row in
    select s.number, s.version, s.conversation_ids, s.first_positions, s.lengths
    from colloquy.search_segments s
    where s.user_id = p_user_id and s.signature is null
    order by s.number desc
    limit 1
  loop
    return query
      select v_row.number, v_row.version, r.conversation_id, r.first + i,
        case when r.first + i = 0 then c.title when m.role <> 'summary' then m.content end
      from unnest(v_row.conversation_ids, v_row.first_positions, v_row.lengths)
        with ordinality r (conversation_id, first, length, n)
      cross join lateral generate_series(0, r.length - 1) i
      cross join lateral (
        select c.title from colloquy.conversations c where c.user_id = p_user_id and c.id = r.conversation_id offset 0
      ) c
      left join lateral (
        select m.role, m.content
        from colloquy.messages m
        where m.user_id = p_user_id and m.conversation_id = r.conversation_id and m.position = r.first + i
        offset 0
      ) m on true
      order by r.n, i;
    return;
  end loop;

  for v_row in select i.sealed_to, i.segments from colloquy.search_indexes i where i.user_id = p_user_id loop
    v_sealed_to := v_row.sealed_to;
    v_segments := v_row.segments;
  end loop;
  return query
    with opened as (
      select t.conversation_id, t.sealed_position, 0 as later
      from colloquy.search_tails t
      where t.user_id = p_user_id and t.conversation_id <= v_sealed_to
      union all
      select n.id, -1, 1
      from (
        select c.id
        from colloquy.conversations c
        where c.user_id = p_user_id and c.id > v_sealed_to and c.id < p_before
        order by c.id
        limit p_limit
      ) n
    ),
    entries as (
      select o.later, o.conversation_id, e.position, e.entry,
        sum(octet_length(e.entry)) over running as bytes, row_number() over running as n
      from opened o
      join colloquy.conversations c on c.user_id = p_user_id and c.id = o.conversation_id
      left join colloquy.turns t on t.user_id = p_user_id and t.id = c.last_turn_id
      cross join lateral (
        select 0 as position, coalesce(c.title, '') as entry
        where o.sealed_position < 0
        union all
        select m.position, case when m.role = 'summary' then '' else m.content end
        from colloquy.messages m
        where m.user_id = p_user_id and m.conversation_id = o.conversation_id and m.position > o.sealed_position
          and m.position <= case
            when t.status in ('running', 'failed', 'interrupted') then t.position - 1 else c.last_position end
        order by 1
        limit p_limit
      ) e
      window running as (order by o.later, o.conversation_id, e.position)
      order by o.later, o.conversation_id, e.position
      limit p_limit
    ),
    fitting as (
      select e.later, e.conversation_id, e.position, e.entry, e.n,
        max(e.n) over () = p_limit or max(e.bytes) over () > c_most as is_enough
      from entries e
      where e.n = 1 or e.bytes <= c_most
    )
    select null::integer, v_segments, f.conversation_id, f.position, f.entry
    from fitting f
    where f.is_enough
    order by f.n;
end
$$;
