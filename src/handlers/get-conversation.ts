import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import { tokenOf } from './consistency.js'
import { type Conversation, conversationColumns, joinLastTurn } from './conversation-columns.js'
import type { Deps } from './deps.js'

export const getConversation =
  ({ readsAfter }: Deps): Handler<'getConversation'> =>
  async ({ params, headers, user }, reply) => {
    const reads = readsAfter(headers['Consistency-Token'])
    const [conversation] = await reads.find(
      user.id,
      (sql) => sql<Conversation[]>`
        select ${conversationColumns(sql, user.id)}
        from colloquy.conversations c
        ${joinLastTurn(sql, user.id)}
        where c.user_id = ${user.id} and c.id = ${params.conversation_id}
          and colloquy.is_live(c.expires_at)`,
    )
    return conversation ? reply(200, conversation, tokenOf(reads)) : problem('conversation-not-found')
  }
