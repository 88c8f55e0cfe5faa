import type { Database } from '../../db/database.js'

/** Deletes at most `limit` expired Idempotency-Keys. Resolves with their number. */
export const pruneIdempotencyKeys = async (db: Database, limit: number): Promise<number> => {
  const [row] = await db.asNobody(
    (sql) => sql<[{ pruned: number }]>`
      select pruned from colloquy.prune_idempotency_keys(p_limit => ${limit})`,
  )
  return row.pruned
}
