import type { Database } from '../db/database.js'
import type { ToolCall, Usage } from '../models/model.js'
import type { AttemptIds } from './channel.js'
import type { EndStatus, TurnError } from './complete.js'
import type { TurnEvent } from './fold.js'
import { fromStored, type StoredEvents } from './progress.js'

/** How a turn ended, as it is stored. */
export interface StoredOutcome {
  status: EndStatus
  conversation_id: string
  turn_id: string
  user_message_id: string
  message_id: string
  response: string
  tool_calls: ToolCall[]
  model: string
  usage: Usage
  error: TurnError | null
  /** seconds, known only where the turn has just run, and not stored */
  retryAfter?: number
}

/** A turn as it is stored: how it ended, or what its attempt is known to have said so far. */
export interface StoredTurn {
  ids: AttemptIds
  outcome: StoredOutcome | undefined
  events: TurnEvent[]
}

type Row = Omit<StoredOutcome, 'status'> & {
  status: EndStatus | 'running'
  attempt: number
  events: StoredEvents[]
}

/** The stored turn; undefined when there is none. */
export const readStoredTurn = async (
  db: Database,
  userId: string,
  turnId: string,
): Promise<StoredTurn | undefined> => {
  const [row] = await db.asUser(
    userId,
    (sql) => sql<Row[]>`
      select t.status, t.attempt, t.conversation_id, t.id as turn_id, t.user_message_id, t.message_id,
        m.content as response, m.tool_calls, t.model,
        json_build_object(
          'input_tokens', t.input_tokens, 'output_tokens', t.output_tokens,
          'cached_input_tokens', t.cached_input_tokens, 'total_tokens', t.total_tokens
        ) as usage,
        case when t.error_code is not null
          then json_build_object('code', t.error_code, 'detail', t.error_detail)
        end as error,
        (
          select coalesce(json_agg(e.events order by e.seq), '[]')
          from colloquy.turn_events e
          where e.user_id = t.user_id and e.turn_id = t.id and e.attempt = t.attempt
        ) as events
      from colloquy.turns t
      left join colloquy.messages m on m.user_id = t.user_id and m.id = t.message_id
      where t.user_id = ${userId} and t.id = ${turnId}`,
  )
  if (!row) return undefined
  const { status, attempt, events, ...rest } = row
  const ids: AttemptIds = {
    userId,
    conversationId: rest.conversation_id,
    turnId: rest.turn_id,
    userMessageId: rest.user_message_id,
    messageId: rest.message_id,
    attempt,
  }
  return {
    ids,
    outcome: status === 'running' ? undefined : { ...rest, status },
    events: fromStored(events.flat()),
  }
}
