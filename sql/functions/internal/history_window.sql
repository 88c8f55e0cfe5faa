-- The history window: the newest whole turns before a position that completed (or were cancelled with some text),
-- oldest first, as [{"user": …, "assistant": …}, …], with "tool_calls" where there are any, and with "continuation", what
-- their provider wants to see again: at most p_messages messages that together take at most p_tokens tokens. What a turn takes was estimated when it ended, and is stored with its answer.
create or replace function colloquy.history_window(
  p_user_id text,
  p_conversation_id uuid,
  p_before integer,
  p_messages integer,
  p_tokens integer
) returns json
language plpgsql stable
as $$
begin
  return (
    select coalesce(
      json_agg(
        case
          when w.tool_calls = '[]' and w.continuation is null
          then json_build_object('user', w.question, 'assistant', w.answer)
          else json_build_object(
            'user', w.question, 'assistant', w.answer, 'tool_calls', coalesce(w.history_calls, w.tool_calls),
            'continuation', w.continuation)
        end
        order by w.position),
      '[]')
    from (
      select a.position, a.question, a.answer, a.tool_calls, a.history_calls, a.continuation,
        sum(a.window_tokens) over (order by a.position desc) as tokens
      from (
        select m.position, m.role, m.status, m.content as answer, m.tool_calls, m.history_calls, m.continuation, m.window_tokens,
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
    ) w
    where w.tokens <= p_tokens
  );
end
$$;
