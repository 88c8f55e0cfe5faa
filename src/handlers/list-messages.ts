import type { components } from '../../generated/contract.js'
import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import type { Deps } from './deps.js'
import { decodeCursor, page } from './page.js'

type Message = components['schemas']['Message']

/** The position. */
const keyShape = [/^[1-9]\d{0,8}$/]

export const listMessages =
  ({ db }: Deps): Handler<'listMessages'> =>
  async ({ params, query, user }, reply) => {
    const { conversation_id: conversationId } = params
    const scope = ['listMessages', user.id, conversationId, query.order]
    const [after] = query.cursor === undefined ? [] : decodeCursor(scope, keyShape, query.cursor)
    const newestFirst = query.order === 'desc'
    const messages = await db.asUser(
      user.id,
      (sql) => sql<Message[]>`
        select m.id, m.conversation_id, m.turn_id, m.position, m.parent_id, m.role, m.status, m.content,
          m.tool_calls, m.created_at
        from colloquy.messages m
        where m.user_id = ${user.id} and m.conversation_id = ${conversationId}
          ${after === undefined ? sql`` : newestFirst ? sql`and m.position < ${after}` : sql`and m.position > ${after}`}
        order by m.position ${newestFirst ? sql`desc` : sql`asc`}
        limit ${query.limit + 1}`,
    )
    // A conversation begins with a message and a cursor leads to one, so no messages means no conversation.
    if (messages.length === 0) return problem('conversation-not-found')
    return reply(
      200,
      page(messages, query.limit, scope, ({ position }) => [position]),
    )
  }
