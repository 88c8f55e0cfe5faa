-- Adds what a job beside the turns of a conversation has cost: its title, a summary. When the conversation is gone, it is
-- added to what the day's turns have cost, if those are still counted: after an erasure nothing of the user comes back.
create or replace function colloquy.add_job_usage(
  p_user_id text,
  p_conversation_id uuid,
  p_model text,
  p_input_tokens integer,
  p_output_tokens integer,
  p_cached_input_tokens integer,
  p_reasoning_tokens integer,
  p_total_tokens integer,
  p_cost bigint
) returns void
language plpgsql
as $$
declare
  v_now timestamptz := colloquy.clock();
begin
  perform from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id
  for key share;
  if not found then
    perform from colloquy.usage u
    where u.user_id = p_user_id and u.day = (v_now at time zone 'UTC')::date and u.model = p_model
    for update;
    if not found then
      return;
    end if;
  end if;
  perform colloquy.add_usage(
    p_user_id => p_user_id, p_at => v_now, p_model => p_model, p_turns => 0,
    p_input_tokens => p_input_tokens, p_output_tokens => p_output_tokens,
    p_cached_input_tokens => p_cached_input_tokens, p_reasoning_tokens => p_reasoning_tokens,
    p_total_tokens => p_total_tokens, p_cost => p_cost);
end
$$;
