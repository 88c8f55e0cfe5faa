-- oldest program: 1

-- As begin_turn_v1, and says which model the attempt is to be run with: a new attempt keeps the model of its turn,
-- which need not be the one that the server would choose today.
create function colloquy.begin_turn_v2(
  p_user_id text,
  p_conversation_id uuid,
  p_is_new boolean,
  p_turn_id uuid,
  p_user_message_id uuid,
  p_message_id uuid,
  p_message text,
  p_title text,
  p_model text,
  p_lease_ms integer,
  p_history_messages integer,
  p_history_tokens integer,
  p_key_hash bytea default null,
  p_fingerprint bytea default null
) returns table (
  outcome text,
  conversation_id uuid,
  turn_id uuid,
  user_message_id uuid,
  message_id uuid,
  attempt integer,
  history jsonb,
  model text
)
language plpgsql
as $$
begin
  select b.outcome, b.conversation_id, b.turn_id, b.user_message_id, b.message_id, b.attempt, b.history, p_model
  into outcome, conversation_id, turn_id, user_message_id, message_id, attempt, history, model
  from colloquy.begin_turn_v1(
    p_user_id, p_conversation_id, p_is_new, p_turn_id, p_user_message_id, p_message_id, p_message, p_title,
    p_model, p_lease_ms, p_history_messages, p_history_tokens, p_key_hash, p_fingerprint) b;
  if attempt > 1 then
    select t.model into model from colloquy.turns t where t.user_id = p_user_id and t.id = turn_id;
  end if;
  return next;
end
$$;
