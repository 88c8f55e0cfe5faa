-- Finds where in its conversation a turn begins, which the caller has locked. p_place is
--   null   after the newest message of the active branch
--   start  before all messages, as a new beginning
--   after  after the answer p_target_id
--   again  as another answer to a question; p_target_id is the question, or an answer to it
-- The outcome is
--   placed             parent_id and parent_position (0 for none) are of the message that the turn's first message follows,
--                      which begins with ancestors as its path; window_starts are those of the turn that it goes on from;
--                      question is the content of the question that is answered again
--   message-not-found  the conversation has no such message
--   unfit-message      it has one of another role
create or replace function colloquy.place_turn(
  p_user_id text,
  p_conversation_id uuid,
  p_place text,
  p_target_id uuid,
  p_active_path int4multirange,
  p_last_position integer,
  out outcome text,
  out parent_id uuid,
  out parent_position integer,
  out ancestors int4multirange,
  out window_starts jsonb,
  out question text
)
language plpgsql stable
as $$
declare
  v_target record;
  v_question record;
begin
  outcome := 'placed';
  if p_place = 'start' then
    parent_position := 0;
    ancestors := '{}';
    return;
  end if;
  if p_place is null then
    select m.id, m.position, m.role, m.turn_id, m.parent_id, m.content into v_target
    from colloquy.messages m
    where m.user_id = p_user_id and m.conversation_id = p_conversation_id
      and m.position < coalesce(upper(p_active_path), p_last_position + 1) and m.role <> 'summary'
    order by m.position desc
    limit 1;
  else
    select m.id, m.position, m.role, m.turn_id, m.parent_id, m.content into v_target
    from colloquy.messages m
    where m.user_id = p_user_id and m.id = p_target_id and m.conversation_id = p_conversation_id;
    if not found then
      outcome := 'message-not-found';
      return;
    end if;
  end if;
  if p_place = 'again' then
    v_question := v_target;
    if v_target.role = 'assistant' then
      select m.id, m.position, m.role, m.turn_id, m.parent_id, m.content into v_question
      from colloquy.messages m
      where m.user_id = p_user_id and m.id = v_target.parent_id;
    end if;
    question := v_question.content;
    if v_question.role is distinct from 'user' then
      outcome := 'unfit-message';
    end if;
  elsif p_place = 'after' and v_target.role <> 'assistant' then
    outcome := 'unfit-message';
  end if;
  if outcome <> 'placed' then
    return;
  end if;
  select t.window_starts into window_starts
  from colloquy.turns t
  where t.user_id = p_user_id and t.id = v_target.turn_id;
  if p_place = 'again' then
    parent_id := v_question.id;
    parent_position := v_question.position;
    ancestors := colloquy.path_to(
      p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_position => parent_position);
  else
    parent_id := v_target.id;
    parent_position := v_target.position;
    ancestors := colloquy.path_after(
      p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_position => parent_position,
      p_last_position => p_last_position);
  end if;
end
$$;
