-- What the attempt of a running turn is known to have said: the text, and the tool calls as a message stores them. A
-- call without a result has an error instead, as in the program's cut-off().
create or replace function colloquy.partial_answer(p_user_id text, p_turn_id uuid)
returns table (content text, tool_calls jsonb)
language plpgsql stable
as $$
#variable_conflict use_column
declare
  v_batches json;
begin
  -- What is stored is read by one statement of the user's, and made into an answer by another that reads no table.
  select json_agg(json_build_object('seq', e.seq, 'events', e.events)) into v_batches
  from colloquy.turns t
  join colloquy.turn_events e on e.user_id = t.user_id and e.turn_id = t.id and e.attempt = t.attempt
  where t.user_id = p_user_id and t.id = p_turn_id;
  return query
  with said as (
    select (b.batch ->> 'seq')::integer as seq, each.n, each.event, json_typeof(each.event) = 'string' as is_text
    from json_array_elements(v_batches) as b (batch)
    cross join lateral json_array_elements(b.batch -> 'events') with ordinality as each (event, n)
  ),
  tools as (
    select s.seq, s.n, s.event, s.event ->> 'type' as type, s.event ->> 'id' as id,
      row_number() over (partition by s.event ->> 'type', s.event ->> 'id' order by s.seq, s.n) as nth
    from said s
    where not s.is_text
  )
  select
    coalesce((select string_agg(s.event #>> '{}', '' order by s.seq, s.n) from said s where s.is_text), ''),
    coalesce((
      select jsonb_agg(
        jsonb_build_object(
          'id', call.id, 'name', call.event ->> 'name', 'arguments', call.event -> 'arguments', 'duration_ms', 0)
          || coalesce(
            done.fields, '{"error": "The call was cut off; it may have done its work or not."}')
        order by call.seq, call.n)
      from tools call
      -- Whatever a model says: what comes after the first call of its id belongs to that, and the last one counts.
      left join lateral (
        select jsonb_object_agg(field.key, field.value order by later.seq, later.n) as fields
        from tools later
        cross join lateral jsonb_each(later.event::jsonb - array['type', 'id']) as field
        where later.type <> 'tool-call' and later.id = call.id and (later.seq, later.n) > (call.seq, call.n)
      ) done on call.nth = 1
      where call.type = 'tool-call'), '[]');
end
$$;
