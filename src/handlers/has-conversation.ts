import type { Database } from '../db/database.js'

/** Whether the user has this conversation. Asked only where a query has found nothing, so that the usual request costs one round trip. */
export const hasConversation = async (db: Database, userId: string, id: string): Promise<boolean> => {
  const rows = await db.asUser(
    userId,
    (sql) => sql`
      select
      from colloquy.conversations c
      where c.user_id = ${userId} and c.id = ${id} and colloquy.is_live(c.expires_at)`,
  )
  return rows.length > 0
}
