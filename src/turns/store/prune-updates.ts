import type { Database } from '../../db/database.js'

/** Deletes at most `limit` old notes of changes. Resolves with their number. */
export const pruneUpdates = async (db: Database, limit: number): Promise<number> => {
  const [row] = await db.asNobody(
    (sql) => sql<[{ pruned: number }]>`
      select pruned from colloquy.prune_updates(p_limit => ${limit})`,
  )
  return row.pruned
}
