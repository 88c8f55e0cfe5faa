-- The history window: the newest whole turns before a position that completed (or were cancelled with some text),
-- oldest first, as [{"user": …, "assistant": …}, …], with "tool_calls" where there are any: at most p_messages messages
-- and about p_tokens tokens, a token being estimated as three bytes. A tool's result comes shortened to 4,000
-- characters, so that one long result does not push the conversation out of the window.
create or replace function colloquy.history_window(
  p_user_id text,
  p_conversation_id uuid,
  p_before integer,
  p_messages integer,
  p_tokens integer
) returns jsonb
language plpgsql stable
as $$
declare
  v_past record;
  v_calls jsonb;
  v_tokens bigint := 0;
  v_turns jsonb[] := '{}';
begin
  -- One by one, because reading the tool calls is what costs: those of a turn that does not fit are the last to be read.
  for v_past in
    select a.question, a.answer, a.tool_calls
    from (
      select m.position, m.role, m.status, m.content as answer, m.tool_calls,
        lead(m.content) over (order by m.position desc) as question
      from colloquy.messages m
      where m.user_id = p_user_id and m.conversation_id = p_conversation_id
        and m.position < p_before
        -- failed turns do not count, but a run of them must not make this read the whole conversation
        and m.position >= p_before - 4 * p_messages
    ) a
    where a.role = 'assistant' and (a.status = 'completed' or (a.status = 'cancelled' and a.answer <> ''))
    order by a.position desc
    limit p_messages / 2
  loop
    v_calls := null;
    if v_past.tool_calls <> '[]' then
      select jsonb_agg(
        case
          when length(call ->> 'result') > 4000
            then call || jsonb_build_object('result', left(call ->> 'result', 4000) || ' … [shortened]')
          else call
        end
        order by n)
      into v_calls
      from jsonb_array_elements(v_past.tool_calls) with ordinality as each (call, n);
    end if;

    v_tokens := v_tokens + 1 + (
      octet_length(v_past.question) + octet_length(v_past.answer) + coalesce(octet_length(v_calls::text), 0)) / 3;
    exit when v_tokens > p_tokens;
    v_turns := (jsonb_build_object('user', v_past.question, 'assistant', v_past.answer)
      || case when v_calls is null then '{}' else jsonb_build_object('tool_calls', v_calls) end) || v_turns;
  end loop;
  return to_jsonb(v_turns);
end
$$;
