import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import { type Conversation, conversationColumns, joinLastTurn } from './conversation-columns.js'
import type { Deps } from './deps.js'

export const updateConversation =
  ({ db }: Deps): Handler<'updateConversation'> =>
  async ({ params, user, body }, reply) => {
    const [conversation] = await db.asUser(
      user.id,
      (sql) => sql<Conversation[]>`
        with c as (
          update colloquy.conversations c
          set title = coalesce(${body.title ?? null}, c.title),
            title_by = case when ${body.title !== undefined} then 'user' else c.title_by end,
            archived = coalesce(${body.archived ?? null}, c.archived),
            metadata = coalesce(${body.metadata ? sql.json(body.metadata) : null}, c.metadata),
            updated_at = colloquy.clock()
          where c.user_id = ${user.id} and c.id = ${params.conversation_id}
          returning c.*
        )
        select ${conversationColumns(sql)}
        from c
        ${joinLastTurn(sql)}`,
    )
    return conversation ? reply(200, conversation) : problem('conversation-not-found')
  }
