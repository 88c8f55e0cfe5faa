-- Begins turns, each for its own user: counts them against the user's limits and the budget for all users, takes the
-- conversation (or makes it), writes the key and the user's message, and reads the history window. Repeating an entry with the
-- same turn id writes nothing new. A refusal leaves no key behind.
--
-- p_entries is an array of objects with the columns that are read from it below; key_hash and fingerprint are hexadecimal.
-- Each row answers the entry of that number, from 1 on. outcome is
--   begun      the turn is this attempt's to run; history and window_state are its window (see
--              history_window), done_calls the calls not to be made again, message the question where it is an earlier
--              turn's, assistant the conversation's
--   busy       the conversation is running another turn, which turn_id names; is_lapsed: its lease has run out
--   attached   the key's turn is running; is_lapsed: its lease has run out
--   ended      the key's turn has ended, and is not to be run again
--   not-found  there is no such conversation (any more), or it has expired
--   message-not-found, unfit-message
--              the message at which it was to begin (place, target_id) is not there, or is of another role; see place_turn
--   other-assistant, unfit-model, assistant-unavailable
--              it cannot begin with the conversation's assistant; see choose_assistant
--   mismatch   the key was used with another request
--   limited    a limit is reached, which refusal names: the user's (see count_turn), or "budget", that for all users; what was
--              begun before is still found
--   locked     another transaction holds the conversation: nothing was written. Where p_may_wait is true, somebody has used
--              the key meanwhile
--
-- Where there is a budget for all users, what it has left is read first, and what all entries have reserved is taken at the end, at once.
-- When others have taken it meanwhile, the call fails with CQ001, and nothing is written: the caller sends the entries alone,
-- and one that fails alone with a refusal, which it is then judged by.
--
-- Locks: the counts, keys and conversations of one user after the other, then the budget for all users. A batch (p_may_wait is
-- false) waits for counts, keys and that budget only, in their order; the caller sends what is locked again, alone, and that
-- waits for its conversation before it has anything else. So they cannot deadlock.
--
-- Where the database is distributed, the call goes to the node that has the rows of p_user_id; that of all entries, if the caller
-- can tell. It changes nothing else.
create or replace function colloquy.begin_turns(p_entries json, p_may_wait boolean, p_user_id text default '')
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
  refusal json,
  message text,
  assistant text
)
language plpgsql
as $$
declare
  v_entry record;
  v_begun colloquy.begun;
  v_count record;
  v_is_counted boolean;
  v_refusal json;
  v_user_id text;
  -- the conversation of the key
  v_known_id uuid;
  -- Of the budget for all users: the day, what was spent of it, its own and its month's; null until it is looked at.
  v_day date;
  v_day_spent bigint;
  v_month_spent bigint;
  v_per_day bigint;
  v_per_month bigint;
  v_reserved bigint := 0;
begin
  perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  for v_entry in
    select row_number() over () as number, e.*
    from json_to_recordset(p_entries) as e (
      user_id text, conversation_id uuid, is_new boolean, turn_id uuid, user_message_id uuid, message_id uuid,
      message text, title text, place text, target_id uuid, model text, lease_ms integer,
      history_messages integer, history_tokens integer, window_size integer, key_hash text, fingerprint text, has_waited boolean,
      running_turns integer, turns_per_minute integer, turns_per_day integer, tokens_per_day bigint,
      reserved bigint, budget_per_day bigint, budget_per_month bigint, total_per_day bigint, total_per_month bigint,
      refusal json, retention json, assistant text, assistants json)
    order by e.user_id collate "C", e.key_hash collate "C", e.conversation_id, number
  loop
    if v_day is null and (v_entry.total_per_day is not null or v_entry.total_per_month is not null) then
      perform colloquy.act_as(null);
      v_user_id := null;
      v_day := (colloquy.clock() at time zone 'UTC')::date;
      select s.days[extract(day from v_day)::integer], s.spent into v_day_spent, v_month_spent
      from colloquy.total_spending s
      where s.user_id = '' and s.month = date_trunc('month', v_day::timestamp)::date;
      if not found then
        v_day_spent := 0;
        v_month_spent := 0;
      end if;
    end if;
    if v_user_id is distinct from v_entry.user_id then
      v_user_id := v_entry.user_id;
      perform colloquy.act_as(v_user_id);
    end if;
    if p_may_wait then
      -- In a statement of its own: Citus would send one that reads a table with the call to the shard, where none can be nested.
      select k.conversation_id into v_known_id
      from colloquy.idempotency_keys k
      where k.user_id = v_user_id and k.key_hash = decode(v_entry.key_hash, 'hex');
      perform colloquy.lock_conversation(v_user_id, coalesce(v_known_id, v_entry.conversation_id), true);
    end if;
    -- Programs that know no limits give none.
    v_is_counted := false;
    v_refusal := v_entry.refusal;
    if v_entry.running_turns is not null and v_refusal is null then
      if v_entry.turns_per_minute is null and v_entry.turns_per_day is null and v_entry.tokens_per_day is null
        and v_entry.budget_per_day is null and v_entry.budget_per_month is null then
        -- What count_turn would write for a user who is far from the limit.
        update colloquy.turn_counts c
        set running = c.running || v_entry.turn_id
        where c.user_id = v_user_id and cardinality(c.running) < least(v_entry.running_turns, 64)
          and v_entry.turn_id <> all (c.running);
        v_is_counted := found;
      end if;
      if not v_is_counted then
        v_count := colloquy.count_turn(
          p_user_id => v_user_id, p_turn_id => v_entry.turn_id, p_running_turns => v_entry.running_turns,
          p_turns_per_minute => v_entry.turns_per_minute, p_turns_per_day => v_entry.turns_per_day,
          p_tokens_per_day => v_entry.tokens_per_day,
          p_reserved => case
            when v_entry.budget_per_day is not null or v_entry.budget_per_month is not null then v_entry.reserved end,
          p_budget_per_day => v_entry.budget_per_day, p_budget_per_month => v_entry.budget_per_month);
        v_is_counted := v_count.is_counted;
        v_refusal := v_count.refusal;
      end if;
    end if;
    if v_refusal is null then
      v_refusal := case
        when v_day_spent + v_reserved + coalesce(v_entry.reserved, 0) > v_entry.total_per_day then
          json_build_object('limit', 'budget', 'max', v_entry.total_per_day, 'lapsed', '[]'::json, 'reset_s',
            ceil(extract(epoch from (v_day + 1)::timestamp at time zone 'UTC' - colloquy.clock())))
        when v_month_spent + v_reserved + coalesce(v_entry.reserved, 0) > v_entry.total_per_month then
          json_build_object('limit', 'budget', 'max', v_entry.total_per_month, 'lapsed', '[]'::json, 'reset_s',
            ceil(extract(epoch from
              (date_trunc('month', v_day::timestamp) + interval '1 month') at time zone 'UTC' - colloquy.clock())))
      end;
    end if;
    v_begun := colloquy.begin_turn(
      p_user_id => v_user_id, p_conversation_id => v_entry.conversation_id, p_is_new => v_entry.is_new,
      p_turn_id => v_entry.turn_id, p_user_message_id => v_entry.user_message_id, p_message_id => v_entry.message_id,
      p_message => v_entry.message, p_title => v_entry.title, p_place => v_entry.place,
      p_target_id => v_entry.target_id, p_model => v_entry.model, p_lease_ms => v_entry.lease_ms,
      p_history_messages => v_entry.history_messages, p_history_tokens => v_entry.history_tokens,
      p_window_size => v_entry.window_size,
      p_key_hash => decode(v_entry.key_hash, 'hex'), p_fingerprint => decode(v_entry.fingerprint, 'hex'),
      p_reserved => v_entry.reserved,
      p_reserved_on => case when v_entry.total_per_day is not null or v_entry.total_per_month is not null then v_day end,
      p_may_begin => v_refusal is null, p_retention => v_entry.retention,
      p_assistant => v_entry.assistant, p_assistants => v_entry.assistants);
    if v_is_counted
      and (v_begun.outcome <> 'begun' or v_begun.is_repeated or v_begun.turn_id <> v_entry.turn_id) then
      perform colloquy.settle_count(
        p_user_id => v_user_id, p_turn_id => v_entry.turn_id,
        p_begun_id => case when v_begun.outcome = 'begun' and v_begun.is_repeated is not true then v_begun.turn_id end,
        p_is_minute => v_entry.turns_per_minute is not null, p_is_day => v_entry.turns_per_day is not null);
    end if;
    if v_begun.outcome = 'begun' and v_begun.is_repeated is not true
      and (v_entry.total_per_day is not null or v_entry.total_per_month is not null) then
      v_reserved := v_reserved + coalesce(v_entry.reserved, 0);
      v_per_day := least(v_per_day, v_entry.total_per_day);
      v_per_month := least(v_per_month, v_entry.total_per_month);
    end if;
    if v_entry.has_waited and v_begun.outcome not in ('busy', 'locked') then
      delete from colloquy.waiting_messages w where w.user_id = v_user_id and w.turn_id = v_entry.turn_id;
    end if;
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
    refusal := case when v_begun.outcome = 'limited' then v_refusal end;
    message := v_begun.message;
    assistant := v_begun.assistant;
    return next;
  end loop;
  if v_reserved > 0 then
    perform colloquy.act_as(null);
    if not colloquy.reserve_total(
      p_day => v_day, p_amount => v_reserved, p_per_day => v_per_day, p_per_month => v_per_month) then
      raise exception 'others have taken the rest of the budget for all users' using errcode = 'CQ001';
    end if;
  end if;
end
$$;
