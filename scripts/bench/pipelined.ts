/**
 * The hot path that was not chosen: a transaction of one statement to begin, and one to complete. `begin`, the acting
 * user, the statement and `commit` leave together, so each is one round trip. Without keys, retries and takeovers:
 * that much less than the functions do.
 */
import { v7 as uuidv7 } from 'uuid'
import type { Database } from '../../src/db/database.js'
import type { BeginTurn } from '../../src/turns/store/begin-turns.js'
import type { Kind } from './ceiling.js'
import type { Owned } from './seed.js'
import { message } from './user.js'

export const newTurn = (kind: Kind, { user_id, id }: Owned): BeginTurn => ({
  userId: user_id,
  conversationId: kind === 'new' ? uuidv7() : id,
  isNewConversation: kind === 'new',
  turnId: uuidv7(),
  userMessageId: uuidv7(),
  messageId: uuidv7(),
  message,
  key: undefined,
  model: 'echo',
  leaseMs: 15_000,
  historyMessages: 40,
  historyTokens: 16_000,
})

export const pipelinedBegin = async (db: Database, turn: BeginTurn): Promise<void> => {
  const { userId, conversationId, turnId, userMessageId, messageId, leaseMs } = turn
  const rows = await db.asUser(userId, (sql) => {
    const taken = turn.isNewConversation
      ? sql`
        insert into colloquy.conversations
          (user_id, id, title, message_count, running_turn_id, created_at, updated_at, last_turn_at)
        values (${userId}, ${conversationId}, ${turn.message.slice(0, 80)}, 1, ${turnId}, now(), now(), now())
        on conflict do nothing
        returning message_count`
      : sql`
        update colloquy.conversations c
        set message_count = c.message_count + 1, running_turn_id = ${turnId}, updated_at = now(), last_turn_at = now()
        where c.user_id = ${userId} and c.id = ${conversationId} and c.running_turn_id is null
        returning c.message_count`
    return sql<{ history: unknown }[]>`
      with taken as (${taken}),
      begun as (
        insert into colloquy.turns
          (user_id, id, conversation_id, status, attempt, begun_by, lease_until, user_message_id, message_id, model,
            created_at)
        select ${userId}, ${turnId}::uuid, ${conversationId}::uuid, 'running', 1, ${turnId}::uuid,
          now() + ${leaseMs}::int * interval '1 millisecond', ${userMessageId}::uuid, ${messageId}::uuid,
          ${turn.model}, now()
        from taken
      ),
      written as (
        insert into colloquy.messages
          (user_id, conversation_id, position, id, turn_id, parent_id, role, status, content, created_at)
        select ${userId}, ${conversationId}::uuid, taken.message_count, ${userMessageId}::uuid, ${turnId}::uuid,
          (
            select m.id
            from colloquy.messages m
            where m.user_id = ${userId} and m.conversation_id = ${conversationId}
              and m.position = taken.message_count - 1
          ),
          'user', 'completed', ${turn.message}, now()
        from taken
      )
      select case when taken.message_count > 1 then
        colloquy.history_window(${userId}, ${conversationId}, taken.message_count, ${turn.historyMessages}::int,
          ${turn.historyTokens}::int) end as history
      from taken`
  })
  if (rows.length !== 1) throw new Error('a turn did not begin')
}

export const pipelinedComplete = async (
  db: Database,
  { userId, conversationId, turnId, userMessageId, messageId }: BeginTurn,
  text: string,
): Promise<void> => {
  const rows = await db.asUser(
    userId,
    (sql) => sql<{ position: number }[]>`
      with released as (
        update colloquy.conversations c
        set message_count = c.message_count + 1, running_turn_id = null, updated_at = now()
        where c.user_id = ${userId} and c.id = ${conversationId} and c.running_turn_id = ${turnId}
        returning c.message_count
      ),
      ended as (
        update colloquy.turns t
        set status = 'completed', lease_until = null, finished_at = now()
        from released
        where t.user_id = ${userId} and t.id = ${turnId} and t.attempt = 1 and t.status = 'running'
        returning t.id
      )
      insert into colloquy.messages
        (user_id, conversation_id, position, id, turn_id, parent_id, role, status, content, tool_calls, created_at)
      select ${userId}, ${conversationId}::uuid, released.message_count, ${messageId}::uuid, ended.id,
        ${userMessageId}::uuid, 'assistant', 'completed', ${text}, '[]', now()
      from released, ended
      returning position`,
  )
  if (rows.length !== 1) throw new Error('a turn did not complete')
}
