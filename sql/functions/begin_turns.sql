-- Begins turns, each for its own user: takes the conversation (or makes it), writes the key and the user's message, and
-- reads the history window. Repeating an entry with the same turn id writes nothing new. A refusal leaves no key behind.
--
-- p_entries is an array of objects with the columns that are read from it below; key_hash and fingerprint are hexadecimal.
-- Each row answers the entry of that number, from 1 on. outcome is
--   begun      the turn is this attempt's to run; history and window_state are its window (see
--              history_window), done_calls the calls not to be made again, message the question where it is an earlier
--              turn's
--   busy       the conversation is running another turn, which turn_id names; is_lapsed: its lease has run out
--   attached   the key's turn is running; is_lapsed: its lease has run out
--   ended      the key's turn has ended, and is not to be run again
--   not-found  there is no such conversation (any more)
--   message-not-found, unfit-message
--              the message at which it was to begin (place, target_id) is not there, or is of another role; see place_turn
--   mismatch   the key was used with another request
--   locked     another transaction holds the conversation, and p_may_wait is false: nothing was written
--
-- Locks: keys and conversations, in the order of the users, and nothing that turns share. A batch (p_may_wait is false)
-- waits for keys only, in their order; the caller sends what is locked again, alone, and that waits for its conversation
-- before it has its key. So they cannot deadlock.
create or replace function colloquy.begin_turns(p_entries json, p_may_wait boolean)
returns table (
  entry integer,
  outcome text,
  conversation_id uuid,
  turn_id uuid,
  user_message_id uuid,
  message_id uuid,
  attempt integer,
  model text,
  history json,
  done_calls jsonb,
  is_lapsed boolean,
  window_state json,
  message text
)
language plpgsql
as $$
declare
  v_entry record;
  v_begun colloquy.begun;
  v_user_id text;
begin
  perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  for v_entry in
    select row_number() over () as number, e.*
    from json_to_recordset(p_entries) as e (
      user_id text, conversation_id uuid, is_new boolean, turn_id uuid, user_message_id uuid, message_id uuid,
      message text, title text, place text, target_id uuid, model text, lease_ms integer, history_messages integer, history_tokens integer,
      window_size integer, key_hash text, fingerprint text)
    order by e.user_id collate "C", e.key_hash collate "C", e.conversation_id, number
  loop
    if v_user_id is distinct from v_entry.user_id then
      v_user_id := v_entry.user_id;
      perform colloquy.act_as(v_user_id);
    end if;
    v_begun := colloquy.begin_turn(
      p_user_id => v_user_id, p_conversation_id => v_entry.conversation_id, p_is_new => v_entry.is_new,
      p_turn_id => v_entry.turn_id, p_user_message_id => v_entry.user_message_id, p_message_id => v_entry.message_id,
      p_message => v_entry.message, p_title => v_entry.title, p_place => v_entry.place,
      p_target_id => v_entry.target_id, p_model => v_entry.model, p_lease_ms => v_entry.lease_ms,
      p_history_messages => v_entry.history_messages, p_history_tokens => v_entry.history_tokens,
      p_window_size => v_entry.window_size,
      p_key_hash => decode(v_entry.key_hash, 'hex'), p_fingerprint => decode(v_entry.fingerprint, 'hex'),
      p_may_wait => p_may_wait);
    entry := v_entry.number;
    outcome := v_begun.outcome;
    conversation_id := v_begun.conversation_id;
    turn_id := v_begun.turn_id;
    user_message_id := v_begun.user_message_id;
    message_id := v_begun.message_id;
    attempt := v_begun.attempt;
    model := v_begun.model;
    history := v_begun.history;
    done_calls := v_begun.done_calls;
    is_lapsed := v_begun.is_lapsed;
    window_state := v_begun.window_state;
    message := v_begun.message;
    return next;
  end loop;
end
$$;
