import type { Sql } from 'postgres'

/** A way to break a promise of the engine: a change in the body of an SQL function. */
interface Change {
  of: string
  from: RegExp
  to: string
  /** what keeps the same promise in a second place */
  and?: Change
}

export interface Mutation extends Change {
  breaks: string
}

/** Each is seen by calls that come one after the other, or in one batch. */
export const mutations: Mutation[] = [
  {
    breaks: 'one key, one turn',
    of: 'begin_turn',
    from: /if p_key_hash is not null then\s+insert/,
    to: 'if false then insert',
  },
  {
    breaks: 'a key belongs to one request',
    of: 'resume_turn',
    from: /v_key\.fingerprint is distinct from p_fingerprint/,
    to: 'false',
  },
  {
    breaks: 'a refusal leaves no key behind',
    of: 'begin_turn',
    from: /delete from colloquy\.idempotency_keys k where/,
    to: 'delete from colloquy.idempotency_keys k where false and',
  },
  {
    breaks: 'a repeated begin begins nothing',
    of: 'begin_turn',
    from: /if v_last\.begun_by = p_turn_id and v_last\.status = 'running' then/,
    to: 'if false then',
  },
  {
    breaks: 'a turn is led by its conversation’s assistant',
    of: 'begin_turn',
    from: /v_begun\.assistant := v_lock\.assistant;/,
    to: '',
  },
  {
    breaks: 'a retried turn is led by its conversation’s assistant',
    of: 'resume_turn',
    from: /v_begun\.assistant := v_lock\.assistant;/,
    to: '',
  },
  {
    breaks: 'the model is one of the assistant’s',
    of: 'begin_turn',
    from: /v_model := v_choice\.model;/,
    to: '',
  },
  {
    breaks: 'an assistant that is not known leads nothing',
    of: 'choose_assistant',
    from: /v_choice := p_assistants -> p_assistant;/,
    to: `v_choice := coalesce(
      p_assistants -> p_assistant, '{"model": "echo", "window_size": 16000, "history_tokens": 16000}');`,
  },
  {
    breaks: 'nothing is tried again for an assistant that is not known',
    of: 'resume_turn',
    from: /elsif v_refusal is not null then/,
    to: 'elsif false then',
  },
  {
    breaks: 'one writer',
    of: 'begin_turn',
    from: /elsif v_last\.status = 'running' then/,
    to: 'elsif false then',
  },
  {
    breaks: 'a lease holds to its last millisecond',
    of: 'interrupt_turn',
    from: /v_turn\.lease_until >= colloquy\.clock\(\)/,
    to: 'v_turn.lease_until > colloquy.clock()',
  },
  {
    breaks: 'a lease that holds is nobody else’s to end',
    of: 'interrupt_turn',
    from: /or v_turn\.lease_until >= colloquy\.clock\(\)/,
    to: '',
  },
  {
    breaks: 'a begin interrupts no turn whose lease has run out',
    of: 'begin_turn',
    from: /v_lock := colloquy\.lock_conversation\([^;]*;/,
    to: `$&
      perform colloquy.interrupt_turn(p_user_id => p_user_id, p_turn_id => v_lock.last_turn_id, p_cut_off => '')
      from colloquy.turns t where t.user_id = p_user_id and t.id = v_lock.last_turn_id and t.lease_until < v_now;`,
  },
  {
    breaks: 'a repeated key interrupts no turn whose lease has run out',
    of: 'resume_turn',
    from: /v_lock := colloquy\.lock_conversation\([^;]*;/,
    to: `$&
      perform colloquy.interrupt_turn(p_user_id => p_user_id, p_turn_id => v_key.turn_id, p_cut_off => '');`,
  },
  {
    breaks: 'whoever waits is told that a lease has run out',
    of: 'begin_turn',
    from: /v_last\.lease_until < v_now/,
    to: 'false',
  },
  {
    breaks: 'an entry of a batch acts for its own user: a begin',
    of: 'begin_turns',
    from: /v_user_id is distinct from v_entry\.user_id/,
    to: 'v_user_id is null',
  },
  {
    breaks: 'an entry of a batch acts for its own user: an end',
    of: 'end_turns',
    from: /v_user_id is distinct from v_entry\.user_id/,
    to: 'v_user_id is null',
  },
  {
    breaks: 'what a batch has cost is each user’s own',
    of: 'end_turns',
    from: /v_user_id is distinct from v_sum\.user_id/,
    to: 'v_user_id is null',
  },
  {
    breaks: 'what a batch has cost is each model’s own',
    of: 'end_turns',
    from: /select e\.user_id, e\.model, count/,
    to: 'select e.user_id, min(e.model) over (partition by e.user_id) as model, count',
  },
  {
    breaks: 'an end that comes twice in a batch counts once',
    of: 'end_turns',
    from: /where e\.number = any \(v_ended\)/,
    to: '',
  },
  {
    breaks: 'an answer is for its own entry: begins',
    of: 'begin_turns',
    from: /entry := v_entry\.number;/,
    to: 'entry := coalesce(entry, 0) + 1;',
  },
  {
    breaks: 'an answer is for its own entry: ends',
    of: 'end_turns',
    from: /entry := v_entry\.number;/,
    to: 'entry := coalesce(entry, 0) + 1;',
  },
  {
    breaks: 'no more turns run than may',
    of: 'count_turn',
    from: /cardinality\(v_counts\.running\) >= p_running_turns/,
    to: 'false',
  },
  {
    breaks: 'a turn that has ended makes room',
    of: 'count_turn',
    from: /where t\.status = 'running'\s+order by/,
    to: 'order by',
  },
  {
    breaks: 'a turn counts until somebody has interrupted it',
    of: 'count_turn',
    from: /where t\.status = 'running'\s+order by/,
    to: "where t.status = 'running' and t.lease_until >= v_now order by",
  },
  {
    breaks: 'no more turns begin in a minute than may',
    of: 'count_turn',
    from: /v_counts\.minute_turns >= p_turns_per_minute/,
    to: 'false',
  },
  {
    breaks: 'no more turns begin in a day than may',
    of: 'count_turn',
    from: /v_counts\.day_turns >= p_turns_per_day/,
    to: 'false',
  },
  {
    breaks: 'a day ends',
    of: 'count_turn',
    from: /if v_counts\.day < v_day then/,
    to: 'if false then',
  },
  {
    breaks: 'the tokens of a day are a user’s own',
    of: 'count_turn',
    from: /where u\.user_id = p_user_id and u\.day = v_day/,
    to: 'where u.user_id = p_user_id',
  },
  {
    breaks: 'what running turns have reserved is not spent twice',
    of: 'count_turn',
    from: /select coalesce\(sum\(t\.reserved\), 0\)/,
    to: 'select 0 * coalesce(sum(t.reserved), 0)',
  },
  {
    breaks: 'no turn begins that might pass a budget',
    of: 'count_turn',
    from: /v_day_spent \+ v_reserved > p_budget_per_day/,
    to: 'v_day_spent + v_reserved - p_reserved > p_budget_per_day',
  },
  {
    breaks: 'a month’s budget holds',
    of: 'count_turn',
    from: /v_month_spent \+ v_reserved > p_budget_per_month/,
    to: 'false',
  },
  {
    breaks: 'what a day has cost is spent on that day alone',
    of: 'count_turn',
    from: /filter \(where u\.day >= v_day\)/,
    to: '',
  },
  {
    breaks: 'what is reserved counts until the turn ends',
    of: 'count_turn',
    from: /and t\.status = 'running'\s+\) \+ p_reserved/,
    to: "and t.status = 'running' and t.lease_until >= v_now) + p_reserved",
  },
  {
    breaks: 'a turn that has ended has nothing reserved',
    of: 'end_turn',
    from: /reserved = null,/,
    to: '',
  },
  {
    breaks: 'a retried turn reserves again',
    of: 'resume_turn',
    from: /reserved = p_reserved,/,
    to: '',
  },
  {
    breaks: 'an interrupted turn costs what it has reserved',
    of: 'interrupt_turn',
    from: /p_total_tokens => 0, p_cost => v_turn\.reserved/,
    to: 'p_total_tokens => 0, p_cost => null',
  },
  {
    breaks: 'a turn that is deleted while it runs costs what it has reserved',
    of: 'delete_conversations',
    from: /p_cost => v_cost\.reserved/,
    to: 'p_cost => null',
  },
  {
    breaks: 'what a turn has reserved of the budget for all users is taken from it',
    of: 'reserve_total',
    from: /set spent = s\.spent \+ p_amount, days\[v_number\] = s\.days\[v_number\] \+ p_amount/,
    to: 'set spent = s.spent',
  },
  {
    breaks: 'no turn begins that might pass the budget for all users',
    of: 'begin_turns',
    from: /v_day_spent \+ v_reserved \+ coalesce\(v_entry\.reserved, 0\) > v_entry\.total_per_day/,
    to: 'v_day_spent + v_reserved > v_entry.total_per_day',
  },
  {
    breaks: 'what a turn did not spend of the budget for all users is given back',
    of: 'end_turns',
    from: /coalesce\(v_reserved\.reserved, 0\) - coalesce\(v_entry\.cost, 0\)/,
    to: '0',
  },
  {
    breaks: 'what a deleted turn turns out not to have cost is given back',
    of: 'end_turns',
    from: /v_reserved\.reserved - coalesce\(v_entry\.cost, v_reserved\.reserved\)/,
    to: '0',
  },
  {
    breaks: 'a deleted turn is settled once',
    of: 'end_turns',
    from: /delete from colloquy\.total_reservations r\s+(where [^;]*?)\s+returning (r\.reserved, r\.reserved_on) into v_reserved/,
    to: 'select $2 into v_reserved from colloquy.total_reservations r $1',
  },
  {
    breaks: 'what is given back goes to the day on which it was reserved',
    of: 'settle_total',
    from: /days\[v_sum\.number\] = s\.days\[v_sum\.number\] - v_sum\.amount/,
    to: 'days[extract(day from colloquy.clock())] = s.days[extract(day from colloquy.clock())] - v_sum.amount',
  },
  {
    breaks: 'what a turn cost is added up',
    of: 'add_usage',
    from: /cost = coalesce\(u\.cost \+ excluded\.cost, u\.cost, excluded\.cost\)/,
    to: 'cost = coalesce(excluded.cost, u.cost)',
  },
  {
    breaks: 'what does not begin is not counted',
    of: 'settle_count',
    from: /if p_begun_id is null then/,
    to: 'if false then',
  },
  {
    breaks: 'a turn that is tried again is counted by its own id',
    of: 'settle_count',
    from: /elsif p_begun_id <> p_turn_id then/,
    to: 'elsif false then',
  },
  {
    breaks: 'past a limit nothing begins: a new turn',
    of: 'begin_turn',
    from: /elsif not p_may_begin then/,
    to: 'elsif false then',
  },
  {
    breaks: 'past a limit nothing begins: another attempt',
    of: 'resume_turn',
    from: /elsif not p_may_begin then/,
    to: 'elsif false then',
  },
  {
    breaks: 'a stale attempt is fenced',
    of: 'end_turn',
    from: / and t\.attempt = p_attempt/,
    to: '',
  },
  {
    breaks: 'an end whose answer was lost may be repeated',
    of: 'end_turns',
    from: /when v_turn\.attempt = v_entry\.attempt and v_turn\.status = v_entry\.status then 'stored'/,
    to: "when false then ''",
  },
  {
    breaks: 'the end of another attempt is not the end of this one',
    of: 'end_turns',
    from: /when v_turn\.attempt = v_entry\.attempt and v_turn\.status = v_entry\.status then 'stored'/,
    to: "when v_turn.status = v_entry.status then 'stored'",
  },
  {
    breaks: 'a new attempt has a number of its own',
    of: 'resume_turn',
    from: /attempt = t\.attempt \+ 1/,
    to: 'attempt = t.attempt',
  },
  {
    breaks: 'only the last turn is tried again',
    of: 'resume_turn',
    from: /v_lock\.last_turn_id <> v_turn\.id or/,
    to: '',
  },
  {
    breaks: 'another attempt is not asked to stop because the one before was',
    of: 'resume_turn',
    from: /cancel_requested = false/,
    to: 'cancel_requested = t.cancel_requested',
  },
  {
    breaks: 'an ended turn gives its conversation back',
    of: 'end_turn',
    from: /set status = p_status,/,
    to: "set status = case when p_status = 'cancelled' then 'running' else p_status end,",
  },
  {
    breaks: 'an answer has the position after its question',
    of: 'begin_turn',
    from: /last_position = c\.last_position \+ v_given/,
    to: 'last_position = c.last_position + v_given + 1',
  },
  {
    breaks: 'a branch is told of itself alone',
    of: 'begin_turn',
    from: /p_path => v_path,/,
    to: 'p_path => null,',
  },
  {
    breaks: 'a branch is told of all that comes before it',
    of: 'history_window',
    from: /exit when p_path is null or/,
    to: 'exit when true or',
  },
  {
    breaks: 'another answer is told what came before its question',
    of: 'begin_turn',
    from: /p_before => v_question_position/,
    to: 'p_before => v_position',
  },
  {
    breaks: 'what begins is on the active branch',
    of: 'begin_turn',
    from: /active_path = v_active_path,/,
    to: '',
  },
  {
    breaks: 'what begins again is on the active branch',
    of: 'resume_turn',
    from: /if not upper_inf\(v_lock\.active_path\) then/,
    to: 'if false then',
  },
  {
    breaks: 'a branch takes over where the window of its parent began',
    of: 'place_turn',
    from: /select t\.window_starts into window_starts/,
    to: 'select null::jsonb into window_starts',
  },
  {
    breaks: 'a message follows answers alone',
    of: 'place_turn',
    from: /elsif p_place = 'after' and v_target\.role <> 'assistant' then/,
    to: 'elsif false then',
  },
  {
    breaks: 'a turn begins at messages of its conversation alone',
    of: 'place_turn',
    from: /m\.id = p_target_id and m\.conversation_id = p_conversation_id/,
    to: 'm.id = p_target_id',
  },
  {
    breaks: 'failed turns are never sent to a model',
    of: 'history_window',
    from: /a\.status = 'completed' or/,
    to: "a.status in ('completed', 'failed') or",
  },
  {
    breaks: 'the history is bounded by messages',
    of: 'history_window',
    from: /<= v_turns as fits/,
    to: '<= 2 * v_turns as fits',
  },
  {
    breaks: 'the history is bounded by tokens',
    of: 'history_window',
    from: /<= v_tokens/,
    to: '<= 2 * v_tokens',
  },
  {
    breaks: 'the history begins where the window does',
    of: 'history_window',
    from: /greatest\(p_start, /,
    to: 'greatest(p_start - 2, ',
  },
  {
    breaks: 'whoever fits the window is told when there is more of it',
    of: 'history_window',
    from: /coalesce\(bool_and\(w\.fits\), true\)/,
    to: 'true',
  },
  {
    breaks: 'a turn takes over where the window began',
    of: 'begin_turn',
    from: /\n {5}v_window_starts, p_reserved, p_reserved_on, v_now\)/,
    to: ' null, p_reserved, p_reserved_on, v_now)',
  },
  {
    breaks: 'a window that moved is stored',
    of: 'end_turn',
    from: /jsonb_build_object\(p_window_size, p_window_start\)/,
    to: "'{}'",
  },
  {
    breaks: 'calls are told to later turns as they were stored for them',
    of: 'history_window',
    from: /coalesce\(w\.history_calls, w\.tool_calls\)/,
    to: 'w.tool_calls',
  },
  {
    breaks: 'what a former attempt has done is known to the next',
    of: 'resume_turn',
    from: /exists\(@\.result\)/,
    to: 'exists(@.nothing)',
  },
  {
    breaks: 'what was replayed was done once',
    of: 'resume_turn',
    from: / && !exists\(@\.replayed\)/,
    to: '',
  },
  {
    breaks: 'a tick is for its own attempt only',
    of: 'sync_attempts',
    from: /or v_turn\.attempt <> v_entry\.attempt then\s+state := 'lost'/,
    to: "then state := 'lost'",
  },
  {
    breaks: 'a tick renews the lease',
    of: 'sync_attempts',
    from: /set lease_until = v_now \+ v_lease/,
    to: 'set lease_until = t.lease_until',
  },
  {
    breaks: 'whoever reads an attempt is not given those of another',
    of: 'sync_attempts',
    from: / and e\.attempt = v_entry\.attempt and e\.seq >= v_entry\.seq/,
    to: '',
  },
  {
    breaks: 'whoever reads an attempt is told when another has begun',
    of: 'sync_attempts',
    from: /or v_turn\.attempt <> v_entry\.attempt then 'ended'/,
    to: "then 'ended'",
  },
  {
    breaks: 'whoever waits for a turn is told that its lease has run out',
    of: 'sync_attempts',
    from: /when v_turn\.lease_until < v_now then 'lapsed'/,
    to: '',
  },
  {
    breaks: 'what was said is stored when the turn is interrupted',
    of: 'interrupt_turn',
    from: /p_content => v_answer\.content/,
    to: "p_content => ''",
  },
  {
    breaks: 'what was said is the words of the last attempt',
    of: 'end_turn',
    from: /delete from colloquy\.turn_events[^;]*;/,
    to: '',
  },
  {
    breaks: 'whoever asks a turn to stop is not told that it has ended before',
    of: 'cancel_turn',
    from: / and t\.status = 'running'/,
    to: '',
  },
  {
    breaks: 'a turn counts once, however often it is tried',
    of: 'end_turns',
    from: /count\(\*\) filter \(where e\.attempt = 1\)/,
    to: 'count(*)',
  },
  {
    breaks: 'an interrupted turn counts',
    of: 'interrupt_turn',
    from: /perform colloquy\.add_usage\([^;]*;/,
    to: '',
  },
  {
    breaks: 'usage is added to that of the day',
    of: 'add_usage',
    from: /input_tokens = u\.input_tokens \+/,
    to: 'input_tokens =',
  },
  {
    breaks: 'a deleted conversation takes its messages along',
    of: 'delete_conversations',
    from: /delete from colloquy\.messages m[^;]*;/,
    to: '',
  },
  {
    breaks: 'keys are forgotten in bounded batches',
    of: 'prune_idempotency_keys',
    from: /limit p_limit/,
    to: '',
  },
  {
    breaks: 'what has expired cannot be continued',
    of: 'lock_conversation',
    from: /colloquy\.is_live\(c\.expires_at\)/g,
    to: 'true',
  },
  {
    breaks: 'a key finds nothing in what has expired',
    of: 'resume_turn',
    from: / and v_lock\.outcome <> 'not-found'/,
    to: '',
  },
  {
    breaks: 'what has expired cannot be cancelled',
    of: 'cancel_turn',
    from: /colloquy\.is_live\(c\.expires_at\)/,
    to: 'true',
  },
  {
    breaks: 'a turn puts the expiry off',
    of: 'begin_turn',
    from: /expires_at = colloquy\.expiry_of\(c\.own_expires_at, v_now, c\.pinned, c\.archived, p_retention\)/,
    to: 'expires_at = c.expires_at',
  },
  {
    breaks: 'another attempt puts the expiry off',
    of: 'resume_turn',
    from: /expires_at = colloquy\.expiry_of\(c\.own_expires_at, v_now, c\.pinned, c\.archived, p_retention\)/,
    to: 'expires_at = c.expires_at',
  },
  {
    breaks: 'what expires for the first time is looked at then',
    of: 'begin_turn',
    from: /or \(v_lock\.expires_at is null and v_expires_at is not null\)/,
    to: '',
  },
  {
    breaks: 'nothing is removed before its time',
    of: 'remove_conversation',
    from: /if v_remove_at <= v_now then/,
    to: 'if true then',
  },
  {
    breaks: 'a turn that runs is left to its end',
    of: 'remove_conversation',
    from: /if not found then/,
    to: 'if true then',
  },
  {
    breaks: 'a turn whose instance is dead keeps nothing',
    of: 'remove_conversation',
    from: / and t\.lease_until >= v_now/,
    to: '',
  },
]

/** Each is seen only by calls that come at once. */
export const races: Mutation[] = [
  {
    breaks: 'a conversation has one writer, whoever comes first',
    of: 'lock_conversation',
    from: /for no key update skip locked/,
    to: '',
  },
  {
    breaks: 'a begin that has waited sees what the one before it has written',
    of: 'lock_conversation',
    from: /and colloquy\.is_live\(c\.expires_at\)\s+for no key update;/,
    to: 'and colloquy.is_live(c.expires_at);',
  },
  {
    breaks: 'of those who try again, one begins',
    of: 'resume_turn',
    from: /v_lock := colloquy\.lock_conversation\([^;]*;/,
    to: `select 'held' as outcome, c.last_turn_id into v_lock
      from colloquy.conversations c where c.user_id = p_user_id and c.id = v_key.conversation_id;`,
  },
  {
    breaks: 'nothing is kept of a turn that is being ended',
    of: 'sync_attempts',
    from: /for no key update skip locked/,
    to: '',
  },
  {
    breaks: 'of two ends, one is stored',
    of: 'end_turns',
    from: /for no key update;/,
    to: ';',
    // It is judged again by the write.
    and: {
      of: 'end_turn',
      from: /and t\.status = 'running' and t\.attempt = p_attempt/,
      to: `and (
        select x.status = 'running' and x.attempt = p_attempt
        from colloquy.turns x where x.user_id = p_user_id and x.id = p_turn_id)`,
    },
  },
  {
    breaks: 'a batch waits for no conversation',
    of: 'begin_turns',
    from: /if p_may_wait then/,
    to: 'if true then',
  },
  {
    breaks: 'batches wait for what users share in one order',
    of: 'end_turns',
    from: /order by e\.user_id collate "C", e\.model collate "C"/,
    to: 'order by random()',
  },
  {
    breaks: 'a lease is judged under the lock of its turn',
    of: 'interrupt_turn',
    from: /select t\.attempt[^;]*for no key update skip locked;/,
    to: `select t.attempt, t.lease_until, t.model into v_turn
      from colloquy.turns t
      where t.user_id = p_user_id and t.id = p_turn_id and t.status = 'running';
      if not found or v_turn.lease_until >= colloquy.clock() then
        return false;
      end if;
      perform from colloquy.turns t
      where t.user_id = p_user_id and t.id = p_turn_id and t.status = 'running'
      for no key update;`,
  },
  {
    breaks: 'who deletes a conversation waits for the turn that is being ended',
    of: 'delete_conversations',
    from: /select array_agg\(r\.id\) into v_running[\s\S]*?if p_rows is null then[\s\S]*?get diagnostics v_turns = row_count;/,
    to: 'if p_rows is null then',
  },
]

/**
 * Replaces the function, and gives what puts it back; a mutation that changes nothing is an error, since the SQL has
 * moved away from it.
 */
export const mutate = async (sql: Sql, { of, from, to, and }: Change): Promise<() => Promise<void>> => {
  const functions = await sql<{ text: string }[]>`
    select pg_get_functiondef(p.oid) as text
    from pg_catalog.pg_proc p
    where p.pronamespace = 'colloquy'::regnamespace and p.proname = ${of}`
  const changed = functions.map(({ text }) => text).filter((text) => from.test(text))
  if (changed.length === 0) throw new Error(`The mutation of ${from} in ${of} changes nothing.`)
  for (const text of changed) await sql.unsafe(text.replace(from, to))
  const restore = and && (await mutate(sql, and))
  return async () => {
    await restore?.()
    for (const text of changed) await sql.unsafe(text)
  }
}
