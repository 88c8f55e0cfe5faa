import type { Database } from '../../db/database.js'
import { asJson } from './as-json.js'

/** An entry of wait_messages.sql. */
export interface WaitMessage {
  userId: string
  turnId: string
  waitMs: number
  waitingMessages: number
}

/** Counts messages that are going to wait, in one round trip. */
export const waitMessages = async (
  db: Database,
  messages: readonly WaitMessage[],
): Promise<{ outcome: 'waiting' | 'limited' }[]> => {
  const entries = messages.map((message) => ({
    user_id: message.userId,
    turn_id: message.turnId,
    wait_ms: message.waitMs,
    waiting_messages: message.waitingMessages,
  }))
  const rows = await db.statement(
    (sql) => sql<{ outcome: 'waiting' | 'limited' }[]>`
      select entry, outcome
      from colloquy.wait_messages(p_entries => ${asJson(sql, entries)}, p_user_id => ${messages[0]?.userId ?? ''})
      order by entry`,
  )
  return [...rows]
}
