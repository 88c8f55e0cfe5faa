import type { components } from '../../generated/contract.js'
import type { Database } from '../db/database.js'
import { type TurnErrorCode, turnError } from '../turns/turn-errors.js'

type Turn = components['schemas']['Turn']

/** Reads a turn for the API. A running turn whose lease has expired is reported as interrupted. */
export const findTurn = async (db: Database, userId: string, turnId: string): Promise<Turn | undefined> => {
  const [row] = await db.asUser(
    userId,
    (sql) => sql<(Omit<Turn, 'error'> & { error_code: TurnErrorCode | null })[]>`
      select t.id, t.conversation_id, now.status, t.attempt, t.user_message_id, t.message_id, t.model,
        json_build_object(
          'input_tokens', t.input_tokens, 'output_tokens', t.output_tokens,
          'cached_input_tokens', t.cached_input_tokens, 'total_tokens', t.total_tokens
        ) as usage,
        case when now.is_lost then 'turn-interrupted' else t.error_code end as error_code,
        t.created_at,
        case when now.is_lost then t.lease_until else t.finished_at end as finished_at
      from colloquy.turns t
      cross join lateral (
        select t.lease_until < colloquy.clock() as is_lost,
          case when t.lease_until < colloquy.clock() then 'interrupted' else t.status end as status
      ) now
      where t.user_id = ${userId} and t.id = ${turnId}`,
  )
  if (!row) return undefined
  const { error_code, ...turn } = row
  return { ...turn, error: error_code === null ? null : turnError(error_code) }
}
