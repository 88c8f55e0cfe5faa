-- Gives a conversation the title that a model made, null when it made none, unless the user has given another meanwhile.
-- What the title has cost is counted in any case (see add_job_usage).
create or replace function colloquy.set_title(
  p_user_id text,
  p_conversation_id uuid,
  p_title text,
  p_model text,
  p_input_tokens integer,
  p_output_tokens integer,
  p_cached_input_tokens integer,
  p_reasoning_tokens integer,
  p_total_tokens integer,
  p_cost bigint default null
) returns void
language plpgsql
as $$
begin
  perform colloquy.act_as(p_user_id);
  update colloquy.conversations c
  set title = p_title, title_by = 'model', updated_at = colloquy.clock()
  where c.user_id = p_user_id and c.id = p_conversation_id and p_title is not null and c.title_by = 'message';
  if found then
    perform colloquy.note_update(p_user_id, p_conversation_id, 'conversation-updated');
  end if;
  perform colloquy.unindex_title(p_user_id, p_conversation_id);
  perform colloquy.add_job_usage(
    p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_model => p_model,
    p_input_tokens => p_input_tokens, p_output_tokens => p_output_tokens,
    p_cached_input_tokens => p_cached_input_tokens, p_reasoning_tokens => p_reasoning_tokens,
    p_total_tokens => p_total_tokens, p_cost => p_cost);
end
$$;
