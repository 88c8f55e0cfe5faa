-- The history window of a turn: the whole turns before it that completed (or were cancelled with some text).
--   history       the newest of them from p_start on (null: the conversation's beginning), at most p_messages messages that
--                 together take at most p_tokens tokens; oldest first, as [{"user": …, "assistant": …, "position": …,
--                 "tokens": …}, …], with "tool_calls" where there are any, and with "continuation", what their provider
--                 wants to see again
--   window_state  position (of the turn), start (p_start), is_whole (whether the history is all from p_start on), summary
--                 ({"text", "tokens", "through"} of the message at p_summary_position, or null)
-- What a turn takes was estimated when it ended, and is stored with its answer. Whether the window's start moves is decided
-- by the program, which alone knows what the tools take; this only bounds what is read.
create or replace function colloquy.history_window(
  p_user_id text,
  p_conversation_id uuid,
  p_before integer,
  p_start integer,
  p_summary_position integer,
  p_messages integer,
  p_tokens integer,
  out history json,
  out window_state json
)
language plpgsql stable
as $$
declare
  v_is_whole boolean;
begin
  select
    coalesce(
      json_agg(
        case
          when w.tool_calls = '[]' and w.continuation is null then json_build_object(
            'user', w.question, 'assistant', w.answer, 'position', w.position - 1, 'tokens', w.window_tokens)
          else json_build_object(
            'user', w.question, 'assistant', w.answer, 'position', w.position - 1, 'tokens', w.window_tokens,
            'tool_calls', coalesce(w.history_calls, w.tool_calls), 'continuation', w.continuation)
        end
        order by w.position)
      filter (where w.fits),
      '[]'),
    coalesce(bool_and(w.fits), true)
  into history, v_is_whole
  from (
    select a.position, a.question, a.answer, a.tool_calls, a.history_calls, a.continuation,
      a.window_tokens,
      sum(a.window_tokens) over (order by a.position desc) <= p_tokens
        and row_number() over (order by a.position desc) <= p_messages / 2 as fits
    from (
      select m.position, m.role, m.status, m.content as answer, m.tool_calls, m.history_calls, m.continuation,
        m.window_tokens,
        lead(m.content) over (order by m.position desc) as question
      from colloquy.messages m
      where m.user_id = p_user_id and m.conversation_id = p_conversation_id
        and m.position < p_before
        -- failed turns do not count, but a run of them must not make this read the whole conversation
        and m.position >= greatest(p_start, p_before - 4 * p_messages)
    ) a
    where a.role = 'assistant' and (a.status = 'completed' or (a.status = 'cancelled' and a.answer <> ''))
      and a.question is not null
    order by a.position desc
    -- one more than may be given tells whether there is more
    limit p_messages / 2 + 1
  ) w;
  window_state := json_build_object(
    'position', p_before, 'start', p_start, 'is_whole', v_is_whole,
    'summary', (
      select json_build_object('text', m.content, 'tokens', m.window_tokens, 'through', m.summarized_through)
      from colloquy.messages m
      where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position = p_summary_position));
end
$$;
