-- What a turn in a conversation of an assistant begins with, where the program leaves that open because the conversation alone
-- knows which assistant it has. p_assistants has for each that the program knows
--   {"model": …, "window_size": …, "history_tokens": …}, or null when the turn's model is not one of the assistant's
-- p_asked is the assistant that the message asks for, or null. The outcome is
--   chosen                 model, window_size and history_tokens are what the conversation's assistant has
--   other-assistant        the message asks for another one
--   unfit-model            the message asks for a model that the assistant does not allow
--   assistant-unavailable  the program does not know the assistant; so do programs that know of none
create or replace function colloquy.choose_assistant(
  p_assistant text,
  p_asked text,
  p_assistants json,
  out outcome text,
  out model text,
  out window_size integer,
  out history_tokens integer
)
language plpgsql immutable
as $$
declare
  v_choice json;
begin
  if p_asked is not null and p_asked is distinct from p_assistant then
    outcome := 'other-assistant';
    return;
  end if;
  v_choice := p_assistants -> p_assistant;
  outcome := case coalesce(json_typeof(v_choice), 'none')
    when 'object' then 'chosen'
    when 'null' then 'unfit-model'
    else 'assistant-unavailable' end;
  model := v_choice ->> 'model';
  window_size := (v_choice ->> 'window_size')::integer;
  history_tokens := (v_choice ->> 'history_tokens')::integer;
end
$$;
