-- What a turn that has begun before is told again: its history window (see history_window), and with p_is_again, when it is
-- another answer to the message at p_position, that message.
create or replace function colloquy.turn_window(
  p_user_id text,
  p_conversation_id uuid,
  p_position integer,
  p_is_again boolean,
  p_start integer,
  p_messages integer,
  p_tokens integer,
  out message text,
  out history json,
  out window_state json
)
language plpgsql stable
as $$
declare
  v_conversation record;
  v_window record;
begin
  select c.summary_position, c.active_path into v_conversation
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id;
  if p_is_again then
    select m.content into message
    from colloquy.messages m
    where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position = p_position;
  end if;
  v_window := colloquy.history_window(
    p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_before => p_position, p_start => p_start,
    p_path => case when v_conversation.active_path is not null then
      colloquy.path_to(p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_position => p_position) end,
    p_summary_position => v_conversation.summary_position, p_messages => p_messages, p_tokens => p_tokens);
  history := v_window.history;
  window_state := v_window.window_state;
end
$$;
