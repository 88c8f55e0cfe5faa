import type { Database } from '../db/database.js'

/** `requested`: somebody runs the turn and was asked to stop. `ended`: it has ended, by now or before. */
export type Cancelled = 'requested' | 'ended' | 'not-found'

/** Asks whoever runs the turn to stop, in one round trip. */
export const cancelTurn = async (db: Database, userId: string, turnId: string): Promise<Cancelled> => {
  const [row] = await db.statement(
    (sql) => sql<[{ outcome: Cancelled }]>`select outcome from colloquy.cancel_turn(${userId}, ${turnId})`,
  )
  return row.outcome
}
