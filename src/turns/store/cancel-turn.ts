import type { Database } from '../../db/database.js'

/** `requested`: whoever runs the turn was asked to stop. `ended`: it had ended before. */
export type CancelOutcome = 'requested' | 'ended' | 'not-found'

/** Asks whoever runs the turn to stop, in one round trip. */
export const cancelTurn = async (db: Database, userId: string, turnId: string): Promise<CancelOutcome> => {
  const [row] = await db.statement(
    (sql) => sql<[{ outcome: CancelOutcome }]>`
      select outcome from colloquy.cancel_turn(p_user_id => ${userId}, p_turn_id => ${turnId})`,
  )
  return row.outcome
}
