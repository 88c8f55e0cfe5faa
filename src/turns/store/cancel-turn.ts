import type { Database } from '../../db/database.js'

/** `requested`: the running instance is asked to stop. `ended`: the turn had already ended. */
export type CancelOutcome = 'requested' | 'ended' | 'not-found'

/** Requests that the instance running the turn stop it, in one round trip. */
export const cancelTurn = async (db: Database, userId: string, turnId: string): Promise<CancelOutcome> => {
  const [row] = await db.statement(
    (sql) => sql<[{ outcome: CancelOutcome }]>`
      select outcome from colloquy.cancel_turn(p_user_id => ${userId}, p_turn_id => ${turnId})`,
  )
  return row.outcome
}
