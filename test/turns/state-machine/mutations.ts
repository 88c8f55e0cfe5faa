import type { Sql } from 'postgres'

/** A way to break a promise of the engine: a change in the body of an SQL function. */
export interface Mutation {
  breaks: string
  of: string
  from: RegExp
  to: string
}

/** Each is seen by calls that come one after the other. */
export const mutations: Mutation[] = [
  {
    breaks: 'one key, one turn',
    of: 'begin_turn',
    from: /if p_key_hash is not null then/,
    to: 'if false then',
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
    from: /v_running\.begun_by = p_turn_id/,
    to: 'false',
  },
  {
    breaks: 'one writer',
    of: 'begin_turn',
    from: /v_running\.lease_until >= v_now/,
    to: 'false',
  },
  {
    breaks: 'a lease holds to its last millisecond',
    of: 'begin_turn',
    from: /v_running\.lease_until >= v_now/,
    to: 'v_running.lease_until > v_now',
  },
  {
    breaks: 'whoever takes over ends the lost turn first',
    of: 'begin_turn',
    from: /if v_running\.id is not null then/,
    to: 'if false then',
  },
  {
    breaks: 'a stale attempt is fenced',
    of: 'complete_turn',
    from: /v_turn\.attempt <> p_attempt/,
    to: 'false',
  },
  {
    breaks: 'a completion whose answer was lost may be repeated',
    of: 'complete_turn',
    from: /when v_turn\.status = p_status then 'stored'/,
    to: "when false then ''",
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
    from: /or v_conversation\.message_count > v_position \+ 1/,
    to: '',
  },
  {
    breaks: 'an ended turn gives its conversation back',
    of: 'end_turn',
    from: /running_turn_id = null/,
    to: 'running_turn_id = c.running_turn_id',
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
    from: /limit p_messages \/ 2/,
    to: 'limit p_messages',
  },
  {
    breaks: 'the history is bounded by tokens',
    of: 'history_window',
    from: /exit when v_tokens > p_tokens;/,
    to: '',
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
    breaks: 'a tick renews its own attempt only',
    of: 'sync_attempts',
    from: /and t\.attempt = v_mine\.attempt and t\.status = 'running'\s+and t\.lease_until/,
    to: "and t.status = 'running' and t.lease_until",
  },
  {
    breaks: 'a tick keeps the words of its own attempt only',
    of: 'sync_attempts',
    from: /and t\.attempt = v_mine\.attempt and t\.status = 'running'\s+for share/,
    to: "and t.status = 'running' for share",
  },
  {
    breaks: 'what was said is stored when the turn is interrupted',
    of: 'interrupt_turn',
    from: /select a\.content/,
    to: "select '' as content",
  },
  {
    breaks: 'what was said is the words of the last attempt',
    of: 'end_turn',
    from: /delete from colloquy\.turn_events[^;]*;/,
    to: '',
  },
  {
    breaks: 'a cancelled turn that nobody runs is ended',
    of: 'cancel_turn',
    from: /v_turn\.lease_until >= colloquy\.clock\(\)/,
    to: 'v_turn.id is not null',
  },
  {
    breaks: 'a turn counts once, however often it is tried',
    of: 'end_turn',
    from: /v_turn\.attempt = 1/,
    to: 'true',
  },
  {
    breaks: 'usage is added to that of the day',
    of: 'add_usage',
    from: /input_tokens = u\.input_tokens \+/,
    to: 'input_tokens =',
  },
  {
    breaks: 'keys are forgotten in bounded batches',
    of: 'prune_idempotency_keys',
    from: /limit p_limit/,
    to: '',
  },
]

/** Each is seen only by calls that come at once. */
export const races: Mutation[] = [
  {
    breaks: 'a conversation is taken by one conditional write',
    of: 'begin_turn',
    from: /and c\.running_turn_id is null/,
    to: `and (
      select x.running_turn_id from colloquy.conversations x where x.user_id = p_user_id and x.id = p_conversation_id
    ) is null`,
  },
  {
    breaks: 'of those who try again, one begins',
    of: 'resume_turn',
    from: /for update/,
    to: '',
  },
  {
    breaks: 'nothing is kept of a turn that is being ended',
    of: 'sync_attempts',
    from: /for share/,
    to: '',
  },
  {
    breaks: 'of two ends, one is stored',
    of: 'complete_turn',
    from: /for update/,
    to: '',
  },
]

/** Replaces the function; a mutation that changes nothing is an error, since the SQL has moved away from it. */
export const mutate = async (sql: Sql, { of, from, to }: Mutation): Promise<void> => {
  const functions = await sql<{ text: string }[]>`
    select pg_get_functiondef(p.oid) as text
    from pg_catalog.pg_proc p
    where p.pronamespace = 'colloquy'::regnamespace and p.proname = ${of}`
  const changed = functions.filter(({ text }) => from.test(text))
  if (changed.length === 0) throw new Error(`The mutation of ${from} in ${of} changes nothing.`)
  for (const { text } of changed) await sql.unsafe(text.replace(from, () => to))
}
