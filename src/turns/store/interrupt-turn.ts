import type { Database } from '../../db/database.js'
import { cutOffCall } from '../turn-errors.js'

/** Interrupts a turn whose lease has expired, unless it was renewed meanwhile. Waits for no lock. */
export const interruptTurn = async (db: Database, userId: string, turnId: string): Promise<void> => {
  await db.statement(
    (sql) => sql`
      select colloquy.interrupt_turn(p_user_id => ${userId}, p_turn_id => ${turnId}, p_cut_off => ${cutOffCall})`,
    'others',
  )
}
