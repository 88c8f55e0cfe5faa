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
  -- where it begins, when that is not the end of the active branch; see place_turn
  p_place text,
  p_target_id uuid,
  p_model text,
  p_lease_ms integer,
  p_history_messages integer,
  p_history_tokens integer,
  p_window_size integer,
  p_key_hash bytea,
  p_fingerprint bytea,
  -- what it may cost at most; null where no budget is to be kept
  p_reserved bigint,
  -- the day on whose budget for all users that counts; null where there is none
  p_reserved_on date,
  p_may_begin boolean,
  -- the operator's rule, which expiry_of explains
  p_retention json,
  -- of a new conversation, or to be that of the conversation
  p_assistant text,
  -- see choose_assistant
  p_assistants json
) returns colloquy.begun
language plpgsql
as $$
declare
  v_now timestamptz(3) := colloquy.clock();
  v_position integer;
  v_lock record;
  v_last record;
  v_place record;
  v_is_placed boolean := false;
  v_refusal text;
  v_path int4multirange;
  v_active_path int4multirange;
  v_question_position integer;
  v_answer_position integer;
  -- how many positions the turn takes
  v_given integer := case when p_place = 'again' then 1 else 2 end;
  v_parent_id uuid;
  v_summary_position integer;
  v_window_starts jsonb;
  v_expires_at timestamptz(3);
  v_window record;
  v_model text := p_model;
  v_window_size integer := p_window_size;
  v_history_tokens integer := p_history_tokens;
  v_choice record;
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
        p_window_size => p_window_size, p_reserved => p_reserved, p_reserved_on => p_reserved_on,
        p_may_begin => p_may_begin, p_retention => p_retention, p_assistants => p_assistants);
    end if;
  end if;

  v_begun := row('begun', p_conversation_id, p_turn_id, p_user_message_id, p_message_id, 1, p_model, '[]', '[]', false,
    '{"position": 1, "start": null, "is_whole": true, "summary": null}', false, null, null,
    p_assistant);
  if p_is_new and p_may_begin then
    -- The answer's position is given out together with the message's.
    insert into colloquy.conversations
      (user_id, id, title, assistant, last_position, last_turn_id, created_at, updated_at, last_turn_at, expires_at)
    values
      (p_user_id, p_conversation_id, p_title, p_assistant, 2, p_turn_id, v_now, v_now, v_now,
       colloquy.expiry_of(null, v_now, false, false, p_retention))
    on conflict do nothing
    returning 1 into v_position;
    if v_position is not null and p_retention is not null then
      perform colloquy.schedule_removal(p_user_id, p_conversation_id);
    end if;
  end if;

  if v_position is null then
    v_lock := colloquy.lock_conversation(p_user_id, p_conversation_id, false);
    if v_lock.outcome <> 'held' then
      v_begun.outcome := case when p_is_new and not p_may_begin then 'limited' else v_lock.outcome end;
    else
      -- In a statement of its own: after a wait for the lock it sees what the holder has written.
      select t.id, t.status, t.begun_by, t.lease_until, t.position, t.answer_position, t.user_message_id, t.message_id,
        t.window_starts
      into v_last
      from colloquy.turns t
      where t.user_id = p_user_id and t.id = v_lock.last_turn_id;
      v_parent_id := v_last.message_id;
      v_window_starts := v_last.window_starts;
      v_path := v_lock.active_path;
      v_active_path := v_path;
      -- The active branch goes on to the conversation's end, unless another one was chosen.
      if p_place is not null or not upper_inf(v_path) or (v_lock.last_turn_id is null and v_lock.last_position > 0) then
        v_place := colloquy.place_turn(
          p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_place => p_place, p_target_id => p_target_id,
          p_active_path => v_path, p_last_position => v_lock.last_position);
        v_is_placed := true;
        -- The answer of a turn that runs is awaited, like any other end.
        v_refusal := case
          when v_place.outcome = 'message-not-found' and v_last.status = 'running' and v_last.message_id = p_target_id then null
          else nullif(v_place.outcome, 'placed') end;
      end if;
      -- One that has been made by an earlier try of this begin has what the entry says.
      if not p_is_new and (v_lock.assistant is not null or p_assistant is not null) then
        v_begun.assistant := v_lock.assistant;
        v_choice := colloquy.choose_assistant(
          p_assistant => v_lock.assistant, p_asked => p_assistant, p_assistants => p_assistants);
        if v_choice.outcome = 'chosen' then
          v_model := v_choice.model;
          v_window_size := v_choice.window_size;
          v_history_tokens := v_choice.history_tokens;
          v_begun.model := v_model;
        else
          v_refusal := coalesce(v_refusal, v_choice.outcome);
        end if;
      end if;
      v_now := colloquy.clock();
      if v_last.begun_by = p_turn_id and v_last.status = 'running' then
        v_window := colloquy.turn_window(
          p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_position => v_last.position,
          p_is_again => v_last.answer_position is not null,
          p_start => (v_last.window_starts ->> v_window_size::text)::integer,
          p_messages => p_history_messages, p_tokens => v_history_tokens);
        v_begun.user_message_id := v_last.user_message_id;
        v_begun.message := v_window.message;
        v_begun.history := v_window.history;
        v_begun.window_state := v_window.window_state;
        v_begun.is_repeated := true;
        return v_begun;
      elsif v_last.begun_by = p_turn_id then
        v_begun.outcome := 'ended';
        return v_begun;
      elsif v_refusal is not null then
        v_begun.outcome := v_refusal;
      elsif v_last.status = 'running' then
        v_begun.outcome := 'busy';
        v_begun.turn_id := v_last.id;
        v_begun.is_lapsed := v_last.lease_until < v_now;
      elsif not p_may_begin then
        v_begun.outcome := 'limited';
      else
        if v_is_placed then
          v_parent_id := v_place.parent_id;
          v_window_starts := v_place.window_starts;
          v_path := v_place.ancestors;
          v_active_path := nullif(v_path + int4multirange(int4range(v_lock.last_position + 1, null)), '{[1,)}');
          if v_lock.last_position > 0 and upper(v_path) is distinct from v_lock.last_position + 1 then
            perform colloquy.add_branch(
              p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_position => v_lock.last_position + 1,
              p_parent_position => v_place.parent_position, p_ancestors => v_path);
          end if;
        end if;
        update colloquy.conversations c
        set last_position = c.last_position + v_given, last_turn_id = p_turn_id, title = coalesce(c.title, p_title),
          active_path = v_active_path, updated_at = v_now, last_turn_at = v_now,
          expires_at = colloquy.expiry_of(c.own_expires_at, v_now, c.pinned, c.archived, p_retention)
        where c.user_id = p_user_id and c.id = p_conversation_id
        returning c.last_position - v_given + 1, c.summary_position, c.expires_at
        into v_position, v_summary_position, v_expires_at;
        if v_expires_at < v_lock.expires_at or (v_lock.expires_at is null and v_expires_at is not null) then
          perform colloquy.schedule_removal(p_user_id, p_conversation_id);
        end if;
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

  v_question_position := v_position;
  if p_place = 'again' then
    v_question_position := v_place.parent_position;
    v_answer_position := v_position;
    v_begun.user_message_id := v_parent_id;
    v_begun.message := v_place.question;
  end if;
  insert into colloquy.turns
    (user_id, id, conversation_id, position, answer_position, status, attempt, begun_by, lease_until, user_message_id,
     message_id, model, window_starts, reserved, reserved_on, created_at)
  values
    (p_user_id, p_turn_id, p_conversation_id, v_question_position, v_answer_position, 'running', 1, p_turn_id,
     v_now + p_lease_ms * interval '1 millisecond', v_begun.user_message_id, p_message_id, v_model,
     v_window_starts, p_reserved, p_reserved_on, v_now);
  if v_answer_position is null then
    insert into colloquy.messages
      (user_id, conversation_id, position, id, turn_id, parent_id, role, status, content, created_at)
    values
      (p_user_id, p_conversation_id, v_position, p_user_message_id, p_turn_id, v_parent_id, 'user', 'completed', p_message,
       v_now);
  end if;
  if v_position > 1 then
    v_window := colloquy.history_window(
      p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_before => v_question_position,
      p_start => (v_window_starts ->> v_window_size::text)::integer, p_path => v_path,
      p_summary_position => v_summary_position, p_messages => p_history_messages, p_tokens => v_history_tokens);
    v_begun.history := v_window.history;
    v_begun.window_state := v_window.window_state;
  end if;
  return v_begun;
end
$$;
