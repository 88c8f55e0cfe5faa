import type { Database } from '../../db/database.js'
import type { TurnErrorCode } from '../turn-errors.js'
import { turnError } from '../turn-errors.js'
import type { EndStatus, StoredEnd, StoredTurn } from '../types.js'
import { decodeEvents, type StoredEvents } from './event-encoding.js'

type Row = Omit<StoredEnd, 'status' | 'error'> & {
  status: EndStatus | 'running'
  attempt: number
  error_code: TurnErrorCode | null
  is_expired: boolean
  events: StoredEvents[]
}

/** Reads a stored turn; undefined when there is none. */
export const readTurn = async (
  db: Database,
  userId: string,
  turnId: string,
): Promise<StoredTurn | undefined> => {
  const [row] = await db.asUser(
    userId,
    (sql) => sql<Row[]>`
      select t.status, t.attempt, t.conversation_id, t.id as turn_id, t.user_message_id, t.message_id,
        m.content as response, m.tool_calls, coalesce(m.reasoning, '[]') as reasoning, t.finish_reason, t.model, t.error_code,
        json_build_object(
          'input_tokens', t.input_tokens, 'output_tokens', t.output_tokens,
          'cached_input_tokens', t.cached_input_tokens, 'reasoning_tokens', t.reasoning_tokens,
          'total_tokens', t.total_tokens, 'cost', t.cost
        ) as usage,
        (
          select coalesce(json_agg(e.events order by e.seq), '[]')
          from colloquy.turn_events e
          where e.user_id = ${userId} and e.turn_id = t.id and e.attempt = t.attempt
        ) as events,
        not colloquy.is_live(c.expires_at) as is_expired
      from colloquy.turns t
      left join colloquy.messages m on m.user_id = ${userId} and m.id = t.message_id
      join colloquy.conversations c on c.user_id = ${userId} and c.id = t.conversation_id
      where t.user_id = ${userId} and t.id = ${turnId}`,
  )
  if (!row) return undefined
  const { status, attempt, events, error_code, is_expired: isExpired, ...rest } = row
  return {
    ids: {
      userId,
      conversationId: rest.conversation_id,
      turnId: rest.turn_id,
      userMessageId: rest.user_message_id,
      messageId: rest.message_id,
      attempt,
    },
    end:
      status === 'running'
        ? undefined
        : { ...rest, status, error: error_code === null ? null : turnError(error_code) },
    events: decodeEvents(events.flat()),
    isExpired,
  }
}
