-- Called by begin_turn, whose outcomes it has, with a key that was used before: runs the key's turn again in another
-- attempt if that is due, and says what became of it otherwise. p_begin_id tells a begin whose answer was lost from
-- another one.
create or replace function colloquy.resume_turn(
  p_user_id text,
  p_key_hash bytea,
  p_fingerprint bytea,
  p_begin_id uuid,
  p_lease_ms integer,
  p_history_messages integer,
  p_history_tokens integer
) returns table (
  outcome text,
  conversation_id uuid,
  turn_id uuid,
  user_message_id uuid,
  message_id uuid,
  attempt integer,
  history jsonb,
  model text,
  done_calls jsonb
)
language plpgsql
as $$
#variable_conflict use_column
declare
  v_now timestamptz(3) := colloquy.clock();
  v_key colloquy.idempotency_keys;
  v_conversation colloquy.conversations;
  v_turn colloquy.turns;
  v_position integer;
  v_calls jsonb;
begin
  select k.* into v_key
  from colloquy.idempotency_keys k
  where k.user_id = p_user_id and k.key_hash = p_key_hash;
  if v_key.fingerprint is distinct from p_fingerprint then
    outcome := 'mismatch';
    return next;
    return;
  end if;
  select c.* into v_conversation
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = v_key.conversation_id
  for update;
  select t.* into v_turn from colloquy.turns t where t.user_id = p_user_id and t.id = v_key.turn_id;
  if v_conversation.id is null or v_turn.id is null then
    outcome := 'not-found';
    return next;
    return;
  end if;

  if v_turn.status = 'running' and v_turn.begun_by <> p_begin_id and v_turn.lease_until < v_now then
    perform colloquy.interrupt_turn(p_user_id => p_user_id, p_turn_id => v_turn.id);
    v_turn.status := 'interrupted';
    v_conversation.running_turn_id := null;
    v_conversation.message_count := v_conversation.message_count + 1;
  end if;

  select m.position into v_position
  from colloquy.messages m
  where m.user_id = p_user_id and m.id = v_turn.user_message_id;

  if v_turn.status = 'running' then
    outcome := case when v_turn.begun_by = p_begin_id then 'begun' else 'attached' end;
  elsif v_turn.status in ('completed', 'cancelled')
    or v_conversation.running_turn_id is not null
    or v_conversation.message_count > v_position + 1
    or octet_length(v_turn.done_calls::text) > 4194304
  then
    outcome := 'ended';
  else
    -- A running turn shows its user's message only, so the answer of the last attempt makes room for the next one's.
    -- What its tools have done stays done.
    delete from colloquy.messages m
    where m.user_id = p_user_id and m.id = v_turn.message_id
    returning m.tool_calls into v_calls;
    update colloquy.turns t
    set status = 'running', attempt = t.attempt + 1, begun_by = p_begin_id, cancel_requested = false,
        lease_until = v_now + p_lease_ms * interval '1 millisecond', finished_at = null,
        error_code = null, error_detail = null, input_tokens = null, output_tokens = null, total_tokens = null,
        cached_input_tokens = null,
        done_calls = t.done_calls
          || jsonb_path_query_array(coalesce(v_calls, '[]'), '$[*] ? (exists(@.result) && !exists(@.replayed))')
    where t.user_id = p_user_id and t.id = v_turn.id
    returning t.* into v_turn;
    update colloquy.conversations c
    set message_count = v_position, running_turn_id = v_turn.id, updated_at = v_now, last_turn_at = v_now
    where c.user_id = p_user_id and c.id = v_conversation.id;
    outcome := 'begun';
  end if;

  conversation_id := v_conversation.id;
  turn_id := v_turn.id;
  user_message_id := v_turn.user_message_id;
  message_id := v_turn.message_id;
  attempt := v_turn.attempt;
  if outcome = 'begun' then
    model := v_turn.model;
    done_calls := v_turn.done_calls;
    history := colloquy.history_window(
      p_user_id => p_user_id, p_conversation_id => v_conversation.id, p_before => v_position,
      p_messages => p_history_messages, p_tokens => p_history_tokens);
  end if;
  return next;
end
$$;
