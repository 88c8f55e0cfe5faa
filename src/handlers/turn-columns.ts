import type { components } from '../../generated/closed/contract.js'
import type { Database, Sql } from '../db/database.js'
import { type TurnErrorCode, turnError } from '../turns/turn-errors.js'
import { inLiveConversation } from './conversation-columns.js'

type Turn = components['schemas']['Turn']

export interface TurnRow extends Omit<Turn, 'error'> {
  error_code: TurnErrorCode | null
}

/** The contract's turn, selected from a row `t` of colloquy.turns. A running turn whose lease has expired reads as interrupted. */
export const turnColumns = (sql: Sql) => sql`
  t.id, t.conversation_id, case when lease.is_lost then 'interrupted' else t.status end as status, t.attempt,
  t.user_message_id, t.message_id, t.model,
  json_build_object(
    'input_tokens', t.input_tokens, 'output_tokens', t.output_tokens,
    'cached_input_tokens', t.cached_input_tokens, 'reasoning_tokens', t.reasoning_tokens,
    'total_tokens', t.total_tokens, 'cost', t.cost
  ) as usage,
  case when lease.is_lost then 'turn-interrupted' else t.error_code end as error_code,
  t.created_at, case when lease.is_lost then t.lease_until else t.finished_at end as finished_at`

/** Judges the lease of `t` once, as `lease`. */
export const joinLease = (sql: Sql) =>
  sql`cross join lateral (select t.lease_until < colloquy.clock() as is_lost) lease`

export const toTurn = ({ error_code, ...turn }: TurnRow): Turn => ({
  ...turn,
  error: error_code === null ? null : turnError(error_code),
})

/** Reads a turn for the API. */
export const findTurn = async (db: Database, userId: string, turnId: string): Promise<Turn | undefined> => {
  const [row] = await db.asUser(
    userId,
    (sql) => sql<TurnRow[]>`
      select ${turnColumns(sql)}
      from colloquy.turns t
      ${joinLease(sql)}
      where t.user_id = ${userId} and t.id = ${turnId} and ${inLiveConversation(sql, 't', userId)}`,
  )
  return row && toTurn(row)
}
