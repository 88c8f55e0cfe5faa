import type { Sql } from '../db/database.js'
import type { Message } from './message-columns.js'

export interface Branch {
  role: Message['role']
  /** its positions, as an int4multirange; null when the conversation has no branches */
  path: string | null
}

/**
 * Locks a conversation, so that no branch begins in it, and reads the newest branch that one of its messages is on; undefined when the
 * conversation has no such message.
 */
export const lockBranch = async (
  sql: Sql,
  userId: string,
  conversationId: string,
  messageId: string,
): Promise<Branch | undefined> => {
  await sql`
    select from colloquy.conversations c
    where c.user_id = ${userId} and c.id = ${conversationId}
    for no key update`
  const [branch] = await sql<Branch[]>`
    select m.role,
      nullif(
        coalesce(run.ancestors, '{}') + int4multirange(int4range(coalesce(run.position, 1), next.position)),
        '{[1,)}')::text as path
    from colloquy.conversations c
    join colloquy.messages m on m.user_id = ${userId} and m.conversation_id = c.id and m.id = ${messageId}
    left join lateral (
      select b.position, b.ancestors
      from colloquy.branches b
      where b.user_id = ${userId} and b.conversation_id = c.id
        and (b.ancestors @> m.position or (b.position <= m.position and b.ancestors is not null))
      order by b.position desc
      limit 1
    ) run on true
    left join lateral (
      select min(b.position) as position
      from colloquy.branches b
      where b.user_id = ${userId} and b.conversation_id = c.id and b.position > coalesce(run.position, 1)
        and b.ancestors is not null
    ) next on true
    where c.user_id = ${userId} and c.id = ${conversationId} and colloquy.is_live(c.expires_at)`
  return branch
}
