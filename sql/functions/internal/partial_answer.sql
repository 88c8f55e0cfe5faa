-- What an attempt is known to have said: the text, the reasoning, and the tool calls, as a message stores them. Whatever a model says:
-- what comes after the first call of its id belongs to that, and the last outcome counts.
create or replace function colloquy.partial_answer(
  p_user_id text,
  p_turn_id uuid,
  p_attempt integer,
  -- the error of a call without an outcome
  p_cut_off text,
  out content text,
  out tool_calls jsonb,
  out reasoning jsonb
)
language plpgsql stable
as $$
declare
  v_events jsonb;
begin
  -- One read of what is stored; the rest is local.
  select coalesce(jsonb_agg(e.events order by e.seq), '[]') into v_events
  from colloquy.turn_events e
  where e.user_id = p_user_id and e.turn_id = p_turn_id and e.attempt = p_attempt;

  with said as (
    select batch.n as batch, each.n, each.event,
      sum(case when jsonb_typeof(each.event) = 'string' then length(each.event #>> '{}') else 0 end)
        over (order by batch.n, each.n) as text_offset,
      count(*) filter (where each.event ->> 'type' = 'tool-call') over (order by batch.n, each.n) as calls_before
    from jsonb_array_elements(v_events) with ordinality as batch (events, n)
    cross join lateral jsonb_array_elements(batch.events) with ordinality as each (event, n)
  ),
  tools as (
    select s.batch, s.n, s.event, s.text_offset, s.event ->> 'type' as type, s.event ->> 'id' as id,
      row_number() over (partition by s.event ->> 'type', s.event ->> 'id' order by s.batch, s.n) as nth
    from said s
    where jsonb_typeof(s.event) <> 'string'
  )
  select
    coalesce((
      select string_agg(s.event #>> '{}', '' order by s.batch, s.n)
      from said s
      where jsonb_typeof(s.event) = 'string'), ''),
    coalesce((
      select jsonb_agg(
        jsonb_build_object(
          'id', call.id, 'name', call.event ->> 'name', 'arguments', call.event -> 'arguments', 'duration_ms', null,
          'text_offset', call.text_offset)
          || coalesce(done.fields, jsonb_build_object('error', p_cut_off))
        order by call.batch, call.n)
      from tools call
      left join lateral (
        select jsonb_object_agg(field.key, field.value order by later.batch, later.n) as fields
        from tools later
        cross join lateral jsonb_each(later.event - array['type', 'id']) as field
        where later.type in ('tool-result', 'tool-error') and later.id = call.id and (later.batch, later.n) > (call.batch, call.n)
      ) done on call.nth = 1
      where call.type = 'tool-call'), '[]'),
    -- Between two texts or calls all reasoning is one.
    (
      select jsonb_agg(
        jsonb_build_object('text', block.text, 'text_offset', block.text_offset, 'calls_before', block.calls_before)
        order by block.calls_before, block.text_offset)
      from (
        select s.text_offset, s.calls_before, string_agg(s.event ->> 'delta', '' order by s.batch, s.n) as text
        from said s
        where s.event ->> 'type' = 'reasoning-delta'
        group by s.text_offset, s.calls_before
      ) block
    )
  into content, tool_calls, reasoning;
end
$$;
