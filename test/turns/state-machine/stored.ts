import type { Sql } from 'postgres'
import type { ToolCall, Usage } from '../../../src/models/model.js'
import type { EndStatus } from '../../../src/turns/types.js'

/** The rows as they are stored, less what no turn writes. */
export interface ConversationRow {
  user_id: string
  id: string
  title: string | null
  assistant: string | null
  last_position: number
  last_turn_id: string
  created_at: Date
  updated_at: Date
  last_turn_at: Date
  own_expires_at: Date | null
  expires_at: Date | null
}

export interface TurnRow extends Usage {
  user_id: string
  id: string
  conversation_id: string
  position: number
  answer_position: number | null
  status: 'running' | EndStatus
  attempt: number
  begun_by: string
  lease_until: Date | null
  cancel_requested: boolean
  user_message_id: string
  message_id: string
  model: string
  done_calls: ToolCall[]
  /** by the size of the window */
  window_starts: Record<string, number> | null
  error_code: string | null
  /** in microunits */
  reserved: number | null
  /** the day on whose budget for all users that counts */
  reserved_on: string | null
  created_at: Date
  finished_at: Date | null
}

export interface MessageRow {
  user_id: string
  conversation_id: string
  position: number
  id: string
  turn_id: string
  parent_id: string | null
  role: 'user' | 'assistant'
  status: EndStatus
  content: string
  tool_calls: ToolCall[]
  window_tokens: number
  history_calls: ToolCall[] | null
  created_at: Date
}

export interface KeyRow {
  user_id: string
  key_hash: string
  conversation_id: string
  turn_id: string
  created_at: Date
}

export interface UsageRow {
  user_id: string
  day: string
  model: string
  turns: number
  input_tokens: number
  output_tokens: number
  cached_input_tokens: number
  reasoning_tokens: number
  total_tokens: number
  cost: number | null
}

export interface CountsRow {
  user_id: string
  /** as stored, in any order: of a batch that failed, what is sent again alone may overtake each other */
  running: string[]
  minute_started_at: Date
  minute_turns: number
  day: string
  day_turns: number
}

/** When somebody looks whether it is to be removed. */
export interface RemovalRow {
  user_id: string
  conversation_id: string
  remove_at: Date
}

/** Each list in the order of its primary key. */
export interface EventsRow {
  user_id: string
  turn_id: string
  attempt: number
  seq: number
  events: unknown[]
}

/** Of a month of the budget for all users. */
export interface SpendingRow {
  month: string
  spent: number
  days: number[]
}

/** What a deleted turn has reserved of that budget, until it is known what it cost. */
export interface ReservationRow {
  turn_id: string
  attempt: number
  reserved: number
  reserved_on: string
}

export interface Stored {
  conversations: ConversationRow[]
  turns: TurnRow[]
  messages: MessageRow[]
  keys: KeyRow[]
  events: EventsRow[]
  usage: UsageRow[]
  counts: CountsRow[]
  removals: RemovalRow[]
  spending: SpendingRow[]
  reservations: ReservationRow[]
}

/** All that turns have written, whoever's it is: `sql` has to pass row-level security. */
export const readStored = async (sql: Sql): Promise<Stored> => {
  const [conversations, turns, messages, keys, events, usage, counts, removals, spending, reservations] =
    await Promise.all([
      sql<ConversationRow[]>`
      select user_id, id, title, assistant, last_position, last_turn_id, created_at, updated_at, last_turn_at,
        own_expires_at, expires_at
      from colloquy.conversations
      order by user_id, id`,
      sql<TurnRow[]>`
      select user_id, id, conversation_id, position, answer_position, status, attempt, begun_by, lease_until, cancel_requested,
        user_message_id, message_id, model, done_calls, window_starts, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, total_tokens,
        cost::float8, reserved::float8, to_char(reserved_on, 'YYYY-MM-DD') as reserved_on, error_code, created_at, finished_at
      from colloquy.turns
      order by user_id, id`,
      sql<MessageRow[]>`
      select user_id, conversation_id, position, id, turn_id, parent_id, role, status, content, tool_calls,
        window_tokens, history_calls, created_at
      from colloquy.messages
      order by user_id, conversation_id, position`,
      sql<KeyRow[]>`
      select user_id, encode(key_hash, 'hex') as key_hash, conversation_id, turn_id, created_at
      from colloquy.idempotency_keys
      order by user_id, key_hash`,
      sql<EventsRow[]>`
      select user_id, turn_id, attempt, seq, events
      from colloquy.turn_events
      order by user_id, turn_id, attempt, seq`,
      sql<UsageRow[]>`
      select user_id, to_char(day, 'YYYY-MM-DD') as day, model, turns::float8, input_tokens::float8,
        output_tokens::float8, cached_input_tokens::float8, reasoning_tokens::float8, total_tokens::float8,
        cost::float8
      from colloquy.usage
      order by user_id, day, model`,
      sql<CountsRow[]>`
      select user_id, array(select unnest(running) order by 1) as running, minute_started_at, minute_turns, to_char(day, 'YYYY-MM-DD') as day, day_turns
      from colloquy.turn_counts
      order by user_id`,
      sql<RemovalRow[]>`
      select user_id, conversation_id, remove_at
      from colloquy.removals
      order by user_id, conversation_id`,
      sql<SpendingRow[]>`
      select to_char(month, 'YYYY-MM') as month, spent::float8, to_json(days) as days
      from colloquy.total_spending
      order by month`,
      sql<ReservationRow[]>`
      select turn_id, attempt, reserved::float8, to_char(reserved_on, 'YYYY-MM-DD') as reserved_on
      from colloquy.total_reservations
      order by turn_id`,
    ])
  const plain = <Row extends object>(rows: Iterable<Row>) => Array.from(rows, (row) => ({ ...row }))
  return {
    conversations: plain(conversations),
    turns: plain(turns),
    messages: plain(messages),
    keys: plain(keys),
    events: plain(events),
    usage: plain(usage),
    counts: plain(counts),
    removals: plain(removals),
    spending: plain(spending),
    reservations: plain(reservations),
  }
}
