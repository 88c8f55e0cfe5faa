-- The history window of a turn: the whole turns before it that completed (or were cancelled with some text).
--   history       the newest of them from p_start on (null: the conversation's beginning), at most p_messages messages that
--                 together take at most p_tokens tokens; oldest first, as [{"user": …, "assistant": …, "position": …,
--                 "tokens": …}, …], with "tool_calls" where there are any, and with "continuation", what their provider
--                 wants to see again
--   window_state  position (of the turn), start (p_start), is_whole (whether the history is all from p_start on), summary
--                 ({"text", "tokens", "through"} of the message at p_summary_position, or null)
-- p_path has the positions of the turn's branch; null: the conversation has no branches. A branch is read piece by piece from
-- its end, each a range of positions, until the window is full.
-- What a turn takes was estimated when it ended, and is stored with its answer. Whether the window's start moves is decided
-- by the program, which alone knows what the tools take; this only bounds what is read.
create or replace function colloquy.history_window(
  p_user_id text,
  p_conversation_id uuid,
  p_before integer,
  p_start integer,
  p_path int4multirange,
  p_summary_position integer,
  p_messages integer,
  p_tokens integer,
  out history json,
  out window_state json
)
language plpgsql stable
as $$
declare
  -- what may still be read: up to a position, and how many positions, turns and tokens
  v_before integer := p_before;
  v_positions integer := 4 * p_messages;
  v_turns integer := p_messages / 2;
  v_tokens integer := p_tokens;
  v_from integer;
  -- of a branch: where the piece begins, and the question before it, which an answer at its beginning is to
  v_lower integer;
  v_question_position integer;
  v_question text;
  v_piece record;
  v_is_whole boolean;
  v_summary_position integer := p_summary_position;
begin
  history := '[]';
  v_is_whole := true;
  loop
    if p_path is not null then
      select lower(r.piece) as lower, least(upper(r.piece), v_before) as upper into v_piece
      from unnest(p_path) r (piece)
      where lower(r.piece) < v_before
      order by lower(r.piece) desc
      limit 1;
      exit when not found;
      v_lower := v_piece.lower;
      v_before := v_piece.upper;
      select m.position, m.content into v_question_position, v_question
      from colloquy.messages m
      where m.user_id = p_user_id and m.conversation_id = p_conversation_id
        and m.position = upper(p_path * int4multirange(int4range(null, v_lower))) - 1 and m.role = 'user';
    end if;
    -- failed turns do not count, but a run of them must not make this read the whole conversation
    v_from := greatest(p_start, v_before - v_positions, v_lower);
    exit when v_from >= v_before;
    select
      coalesce(
        json_agg(
          case
            when w.tool_calls = '[]' and w.continuation is null then json_build_object(
              'user', w.question, 'assistant', w.answer, 'position', w.question_position, 'tokens', w.window_tokens)
            else json_build_object(
              'user', w.question, 'assistant', w.answer, 'position', w.question_position, 'tokens', w.window_tokens,
              'tool_calls', coalesce(w.history_calls, w.tool_calls), 'continuation', w.continuation)
          end
          order by w.position)
        filter (where w.fits),
        '[]') as history,
      coalesce(bool_and(w.fits), true) as is_whole,
      count(*) filter (where w.fits) as turns,
      sum(w.window_tokens) as tokens
    into v_piece
    from (
      select a.position, a.question, a.answer, a.tool_calls, a.history_calls, a.continuation, a.window_tokens,
        case when a.position = v_lower then v_question_position else a.position - 1 end as question_position,
        sum(a.window_tokens) over (order by a.position desc) <= v_tokens
          and row_number() over (order by a.position desc) <= v_turns as fits
      from (
        select m.position, m.role, m.status, m.content as answer, m.tool_calls, m.history_calls, m.continuation,
          m.window_tokens,
          coalesce(
            lead(m.content) over (order by m.position desc), case when m.position = v_lower then v_question end) as question
        from colloquy.messages m
        where m.user_id = p_user_id and m.conversation_id = p_conversation_id
          and m.position >= v_from and m.position < v_before
      ) a
      where a.role = 'assistant' and (a.status = 'completed' or (a.status = 'cancelled' and a.answer <> ''))
        and a.question is not null
      order by a.position desc
      -- one more than may be given tells whether there is more
      limit v_turns + 1
    ) w;
    v_is_whole := v_piece.is_whole;
    if history is null or v_turns = p_messages / 2 then
      history := v_piece.history;
    elsif v_piece.turns > 0 then
      history := (left(v_piece.history::text, -1) || ', ' || substr(history::text, 2))::json;
    end if;
    exit when p_path is null or not v_is_whole or v_from > v_lower;
    v_positions := v_positions - (v_before - v_from);
    exit when v_positions <= 0;
    v_turns := v_turns - v_piece.turns;
    v_tokens := v_tokens - coalesce(v_piece.tokens, 0);
    v_before := v_lower;
  end loop;
  if p_path is not null then
    v_summary_position := colloquy.path_summary(
      p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_newest => p_summary_position, p_path => p_path,
      p_before => p_before);
  end if;
  window_state := json_build_object(
    'position', p_before, 'start', p_start, 'is_whole', v_is_whole,
    'summary', (
      select json_build_object(
        'text', m.content, 'tokens', m.window_tokens,
        -- What is between this and the path's next message belongs to other branches.
        'through', case
          when p_path is null then m.summarized_through
          else coalesce(
            lower(p_path * int4multirange(int4range(m.summarized_through + 1, p_before))), p_before) - 1 end)
      from colloquy.messages m
      where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position = v_summary_position));
end
$$;
