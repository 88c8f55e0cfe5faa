-- Begins one turn, for the user that the transaction acts for; begin_turns explains the outcomes. It waits for no
-- conversation. p_may_begin: false when the user has reached a limit, so that only what was begun before is found.
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
  p_window_size integer,
  p_key_hash bytea,
  p_fingerprint bytea,
  p_may_begin boolean
) returns colloquy.begun
language plpgsql
as $$
declare
  v_now timestamptz(3) := colloquy.clock();
  v_position integer;
  v_lock record;
  v_last record;
  v_parent_id uuid;
  v_summary_position integer;
  v_window_starts jsonb;
  v_window record;
  v_begun colloquy.begun;
begin
  if p_key_hash is not null then
    insert into colloquy.idempotency_keys (user_id, key_hash, fingerprint, conversation_id, turn_id, created_at)
    values (p_user_id, p_key_hash, p_fingerprint, p_conversation_id, p_turn_id, v_now)
    on conflict do nothing;
    if not found then
      return colloquy.resume_turn(
        p_user_id => p_user_id, p_key_hash => p_key_hash, p_fingerprint => p_fingerprint, p_begin_id => p_turn_id,
        p_lease_ms => p_lease_ms, p_history_messages => p_history_messages, p_history_tokens => p_history_tokens,
        p_window_size => p_window_size, p_may_begin => p_may_begin);
    end if;
  end if;

  v_begun := row('begun', p_conversation_id, p_turn_id, p_user_message_id, p_message_id, 1, p_model, '[]', '[]', false,
    '{"position": 1, "start": null, "is_whole": true, "summary": null}', false, null);
  if p_is_new and p_may_begin then
    -- The answer's position is given out together with the message's.
    insert into colloquy.conversations
      (user_id, id, title, last_position, last_turn_id, created_at, updated_at, last_turn_at)
    values
      (p_user_id, p_conversation_id, p_title, 2, p_turn_id, v_now, v_now, v_now)
    on conflict do nothing
    returning 1 into v_position;
  end if;

  if v_position is null then
    v_lock := colloquy.lock_conversation(p_user_id, p_conversation_id, false);
    if v_lock.outcome <> 'held' then
      v_begun.outcome := case when p_is_new and not p_may_begin then 'limited' else v_lock.outcome end;
    else
      -- In a statement of its own: after a wait for the lock it sees what the holder has written.
      select t.id, t.status, t.begun_by, t.lease_until, t.position, t.message_id, t.window_starts into v_last
      from colloquy.turns t
      where t.user_id = p_user_id and t.id = v_lock.last_turn_id;
      v_parent_id := v_last.message_id;
      if v_lock.last_turn_id is null then
        -- What is there without any turn was imported.
        select m.id into v_parent_id
        from colloquy.messages m
        where m.user_id = p_user_id and m.conversation_id = p_conversation_id
        order by m.position desc
        limit 1;
      end if;
      v_window_starts := v_last.window_starts;
      v_now := colloquy.clock();
      if v_last.begun_by = p_turn_id and v_last.status = 'running' then
        v_window := colloquy.history_window(
          p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_before => v_last.position,
          p_start => (v_last.window_starts ->> p_window_size::text)::integer,
          p_summary_position => (
            select c.summary_position
            from colloquy.conversations c
            where c.user_id = p_user_id and c.id = p_conversation_id),
          p_messages => p_history_messages, p_tokens => p_history_tokens);
        v_begun.history := v_window.history;
        v_begun.window_state := v_window.window_state;
        v_begun.is_repeated := true;
        return v_begun;
      elsif v_last.begun_by = p_turn_id then
        v_begun.outcome := 'ended';
        return v_begun;
      elsif v_last.status = 'running' then
        v_begun.outcome := 'busy';
        v_begun.turn_id := v_last.id;
        v_begun.is_lapsed := v_last.lease_until < v_now;
      elsif not p_may_begin then
        v_begun.outcome := 'limited';
      else
        update colloquy.conversations c
        set last_position = c.last_position + 2, last_turn_id = p_turn_id, title = coalesce(c.title, p_title),
          updated_at = v_now, last_turn_at = v_now
        where c.user_id = p_user_id and c.id = p_conversation_id
        returning c.last_position - 1, c.summary_position into v_position, v_summary_position;
        -- So that a search looks at what is past the segments of the conversation, where it has any.
        insert into colloquy.search_tails (user_id, conversation_id, sealed_position)
        select i.user_id, p_conversation_id, v_position - 1
        from colloquy.search_indexes i
        where i.user_id = p_user_id and i.sealed_to >= p_conversation_id
        on conflict do nothing;
      end if;
    end if;
  end if;

  if v_position is null then
    if p_key_hash is not null then
      delete from colloquy.idempotency_keys k where k.user_id = p_user_id and k.key_hash = p_key_hash;
    end if;
    return v_begun;
  end if;

  insert into colloquy.turns
    (user_id, id, conversation_id, position, status, attempt, begun_by, lease_until, user_message_id, message_id, model,
     window_starts, created_at)
  values
    (p_user_id, p_turn_id, p_conversation_id, v_position, 'running', 1, p_turn_id,
     v_now + p_lease_ms * interval '1 millisecond', p_user_message_id, p_message_id, p_model,
     v_window_starts, v_now);
  insert into colloquy.messages
    (user_id, conversation_id, position, id, turn_id, parent_id, role, status, content, created_at)
  values
    (p_user_id, p_conversation_id, v_position, p_user_message_id, p_turn_id, v_parent_id, 'user', 'completed', p_message,
     v_now);
  if v_position > 1 then
    v_window := colloquy.history_window(
      p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_before => v_position,
      p_start => (v_window_starts ->> p_window_size::text)::integer, p_summary_position => v_summary_position,
      p_messages => p_history_messages, p_tokens => p_history_tokens);
    v_begun.history := v_window.history;
    v_begun.window_state := v_window.window_state;
  end if;
  return v_begun;
end
$$;
