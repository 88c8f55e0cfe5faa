-- Stores the summary that was claimed as p_claim, as the conversation's next message, unless somebody else has claimed it
-- since or the conversation is gone; false then. p_text is null when the model made none. What it has cost is counted in
-- any case (see add_job_usage). p_through is the position before that of the message up to which, without it, it counts; where that is of another
-- branch, it counts up to the message that comes before it on its own. A turn that runs has its answer's position already,
-- so a summary never comes between the two.
create or replace function colloquy.store_summary(
  p_user_id text,
  p_conversation_id uuid,
  p_claim uuid,
  p_message_id uuid,
  p_text text,
  p_window_tokens integer,
  p_through integer,
  p_model text,
  p_input_tokens integer,
  p_output_tokens integer,
  p_cached_input_tokens integer,
  p_reasoning_tokens integer,
  p_total_tokens integer,
  p_cost bigint default null
) returns boolean
language plpgsql
as $$
declare
  v_now timestamptz(3);
  v_position integer;
  v_conversation record;
  v_through integer;
begin
  perform colloquy.act_as(p_user_id);
  select c.summary_position, c.active_path into v_conversation
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id and c.summary_claim = p_claim and p_text is not null
  for no key update;
  if found then
    v_through := p_through;
    if v_conversation.active_path is not null then
      v_through := upper(
        colloquy.path_to(p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_position => p_through + 1)
        * int4multirange(int4range(1, p_through + 1))) - 1;
    end if;
    v_now := colloquy.clock();
    update colloquy.conversations c
    set last_position = c.last_position + 1, summary_position = c.last_position + 1, updated_at = v_now,
      summary_claim = null, summary_claimed_until = null
    where c.user_id = p_user_id and c.id = p_conversation_id
    returning c.last_position into v_position;
    insert into colloquy.messages
      (user_id, conversation_id, position, id, role, status, content, window_tokens, summarized_through,
       previous_summary, created_at)
    values
      (p_user_id, p_conversation_id, v_position, p_message_id, 'summary', 'completed', p_text, p_window_tokens, v_through,
       v_conversation.summary_position, v_now);
    perform colloquy.note_update(p_user_id, p_conversation_id, 'conversation-updated');
  end if;
  perform colloquy.add_job_usage(
    p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_model => p_model,
    p_input_tokens => p_input_tokens, p_output_tokens => p_output_tokens,
    p_cached_input_tokens => p_cached_input_tokens, p_reasoning_tokens => p_reasoning_tokens,
    p_total_tokens => p_total_tokens, p_cost => p_cost);
  return v_position is not null;
end
$$;
