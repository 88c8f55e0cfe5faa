-- Begins a turn: takes the conversation (or makes it), writes the key and the user's message and reads the history
-- window. Repeating it with the same turn id writes nothing new. A refusal leaves no key behind.
-- With a key that was used before it goes on as internal/resume_turn.sql. outcome is
--   begun      the turn is this attempt's to run: history is its window, model is who answers (that of the turn's first
--              attempt), done_calls are the tool calls of former attempts that are not to be made again
--   busy       the conversation is running another turn, which turn_id names
--   attached   the key's turn is running
--   ended      the key's turn has ended, and is not to be run again
--   not-found  there is no such conversation (any more)
--   mismatch   the key was used with another request
create or replace function colloquy.begin_turn(
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
  model text,
  done_calls jsonb
)
language plpgsql
as $$
#variable_conflict use_column
declare
  v_now timestamptz(3) := colloquy.clock();
  v_position integer;
  v_parent_id uuid;
  v_exists boolean;
  v_running_id uuid;
  v_running colloquy.turns;
begin
  perform colloquy.act_as(p_user_id);

  if p_key_hash is not null then
    insert into colloquy.idempotency_keys
      (user_id, key_hash, fingerprint, conversation_id, turn_id, created_at)
    values
      (p_user_id, p_key_hash, p_fingerprint, p_conversation_id, p_turn_id, v_now)
    on conflict do nothing;
    if not found then
      return query
      select r.outcome, r.conversation_id, r.turn_id, r.user_message_id, r.message_id, r.attempt, r.history, r.model,
        r.done_calls
      from colloquy.resume_turn(
        p_user_id => p_user_id, p_key_hash => p_key_hash, p_fingerprint => p_fingerprint, p_begin_id => p_turn_id,
        p_lease_ms => p_lease_ms, p_history_messages => p_history_messages, p_history_tokens => p_history_tokens) r;
      return;
    end if;
  end if;

  outcome := 'begun';
  conversation_id := p_conversation_id;
  turn_id := p_turn_id;
  user_message_id := p_user_message_id;
  message_id := p_message_id;
  attempt := 1;
  history := '[]';
  model := p_model;
  done_calls := '[]';
  if p_is_new then
    insert into colloquy.conversations
      (user_id, id, title, message_count, running_turn_id, created_at, updated_at, last_turn_at)
    values
      (p_user_id, p_conversation_id, p_title, 1, p_turn_id, v_now, v_now, v_now)
    on conflict do nothing
    returning message_count into v_position;
  else
    update colloquy.conversations c
    set message_count = c.message_count + 1, running_turn_id = p_turn_id, updated_at = v_now, last_turn_at = v_now
    where c.user_id = p_user_id and c.id = p_conversation_id and c.running_turn_id is null
    returning c.message_count into v_position;
  end if;

  if v_position is null then
    -- In two statements: after the wait for the lock, the second sees the turn of whoever held it.
    select c.running_turn_id into v_running_id
    from colloquy.conversations c
    where c.user_id = p_user_id and c.id = p_conversation_id
    for update;
    v_exists := found;
    select t.* into v_running from colloquy.turns t where t.user_id = p_user_id and t.id = v_running_id;

    if not v_exists then
      outcome := 'not-found';
    elsif v_running.begun_by = p_turn_id then
      select m.position into v_position
      from colloquy.messages m
      where m.user_id = p_user_id and m.id = p_user_message_id;
      history := colloquy.history_window(
        p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_before => v_position,
        p_messages => p_history_messages, p_tokens => p_history_tokens);
      return next;
      return;
    elsif v_running.lease_until >= v_now then
      outcome := 'busy';
      turn_id := v_running.id;
    else
      if v_running.id is not null then
        perform colloquy.interrupt_turn(p_user_id => p_user_id, p_turn_id => v_running.id);
      end if;
      update colloquy.conversations c
      set message_count = c.message_count + 1, running_turn_id = p_turn_id, updated_at = v_now, last_turn_at = v_now
      where c.user_id = p_user_id and c.id = p_conversation_id
      returning c.message_count into v_position;
    end if;
  end if;

  if v_position is null then
    delete from colloquy.idempotency_keys k where k.user_id = p_user_id and k.key_hash = p_key_hash;
    return next;
    return;
  end if;

  if v_position > 1 then
    select m.id into strict v_parent_id
    from colloquy.messages m
    where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position = v_position - 1;
  end if;
  insert into colloquy.turns
    (user_id, id, conversation_id, status, attempt, begun_by, lease_until, user_message_id, message_id, model, created_at)
  values
    (p_user_id, p_turn_id, p_conversation_id, 'running', 1, p_turn_id, v_now + p_lease_ms * interval '1 millisecond',
     p_user_message_id, p_message_id, p_model, v_now);
  insert into colloquy.messages
    (user_id, conversation_id, position, id, turn_id, parent_id, role, status, content, created_at)
  values
    (p_user_id, p_conversation_id, v_position, p_user_message_id, p_turn_id, v_parent_id, 'user', 'completed',
     p_message, v_now);
  if v_position > 1 then
    history := colloquy.history_window(
      p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_before => v_position,
      p_messages => p_history_messages, p_tokens => p_history_tokens);
  end if;
  return next;
end
$$;
