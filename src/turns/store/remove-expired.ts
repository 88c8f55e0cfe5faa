import type { Database } from '../../db/database.js'
import type { RetentionRule } from '../retention-rule.js'
import { asJson } from './as-json.js'

/** The arguments of remove_expired.sql. */
export interface RemoveExpired {
  /** tells this instance's claim on the work from another's */
  claim: string
  leaseMs: number
  retention: RetentionRule | undefined
  rows: number
}

/** Removes about `rows` rows of expired conversations, or applies a rule that has changed to as many conversations. */
export const removeExpired = async (
  db: Database,
  { claim, leaseMs, retention, rows }: RemoveExpired,
): Promise<'more' | 'done' | 'taken'> => {
  const [row] = await db.asNobody(
    (sql) => sql<[{ outcome: 'more' | 'done' | 'taken' }]>`
      select outcome
      from colloquy.remove_expired(
        p_claim => ${claim}, p_lease_ms => ${leaseMs}, p_retention => ${asJson(sql, retention ?? null)}, p_rows => ${rows})`,
  )
  return row.outcome
}
