/**
 * The rejected alternative for the hot path: one transaction with one statement to begin, and one to end. `begin`, the
 * acting user, the statement and `commit` are pipelined, so each is one round trip. It has no keys, retries or takeovers,
 * so it does less than the functions.
 */
import type { Database } from '../../src/db/database.js'
import { estimateTokens } from '../../src/turns/agent/history-window.js'
import type { BeginTurn } from '../../src/turns/store/begin-turns.js'

export const pipelinedBegin = async (db: Database, turn: BeginTurn): Promise<void> => {
  const { userId, conversationId, turnId, userMessageId, messageId, leaseMs } = turn
  const rows = await db.asUser(userId, (sql) => {
    const taken = turn.isNewConversation
      ? sql`
        insert into colloquy.conversations
          (user_id, id, title, last_position, last_turn_id, created_at, updated_at, last_turn_at)
        values (${userId}, ${conversationId}, ${turn.title}, 2, ${turnId}, now(), now(), now())
        on conflict do nothing
        returning last_position`
      : sql`
        update colloquy.conversations c
        set last_position = c.last_position + 2, last_turn_id = ${turnId}, updated_at = now(), last_turn_at = now()
        where c.user_id = ${userId} and c.id = ${conversationId} and not exists (
          select from colloquy.turns t
          where t.user_id = c.user_id and t.id = c.last_turn_id and t.status = 'running')
        returning c.last_position`
    return sql<{ history: unknown }[]>`
      with taken as (${taken}),
      begun as (
        insert into colloquy.turns
          (user_id, id, conversation_id, position, status, attempt, begun_by, lease_until, user_message_id, message_id,
            model, created_at)
        select ${userId}, ${turnId}::uuid, ${conversationId}::uuid, taken.last_position - 1, 'running', 1, ${turnId}::uuid,
          now() + ${leaseMs}::int * interval '1 millisecond', ${userMessageId}::uuid, ${messageId}::uuid,
          ${turn.model}, now()
        from taken
      ),
      written as (
        insert into colloquy.messages
          (user_id, conversation_id, position, id, turn_id, parent_id, role, status, content, created_at)
        select ${userId}, ${conversationId}::uuid, taken.last_position - 1, ${userMessageId}::uuid, ${turnId}::uuid,
          (
            select m.id
            from colloquy.messages m
            where m.user_id = ${userId} and m.conversation_id = ${conversationId}
              and m.position = taken.last_position - 2
          ),
          'user', 'completed', ${turn.message}, now()
        from taken
      )
      select case when taken.last_position > 2 then
        (colloquy.history_window(${userId}, ${conversationId}, taken.last_position - 1, null, null, null,
          ${turn.historyMessages}::int, ${turn.historyTokens}::int)).history end as history
      from taken`
  })
  if (rows.length !== 1) throw new Error('a turn did not begin')
}

export const pipelinedEnd = async (
  db: Database,
  { userId, conversationId, turnId, userMessageId, messageId, message }: BeginTurn,
  text: string,
): Promise<void> => {
  const rows = await db.asUser(
    userId,
    (sql) => sql<{ position: number }[]>`
      with ended as (
        update colloquy.turns t
        set status = 'completed', lease_until = null, finished_at = now()
        where t.user_id = ${userId} and t.id = ${turnId} and t.attempt = 1 and t.status = 'running'
        returning t.id, t.position
      )
      insert into colloquy.messages
        (user_id, conversation_id, position, id, turn_id, parent_id, role, status, content, window_tokens, created_at)
      select ${userId}, ${conversationId}::uuid, ended.position + 1, ${messageId}::uuid, ended.id,
        ${userMessageId}::uuid, 'assistant', 'completed', ${text}, ${estimateTokens(message + text)}::int, now()
      from ended
      returning position`,
  )
  if (rows.length !== 1) throw new Error('a turn did not end')
}
