import type { Handler } from '../http/handler.js'
import { type Conversation, conversationColumns, joinLastTurn } from './conversation-columns.js'
import type { Deps } from './deps.js'
import { decodeCursor, instant, page } from './page.js'

/** The cursor's parts: the time of the last turn, and the id. */
const keyShape = [instant, /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/]

export const listConversations =
  ({ db }: Deps): Handler<'listConversations'> =>
  async ({ query, user }, reply) => {
    const scope = ['listConversations', user.id, String(query.archived)]
    const [time, id] = query.cursor === undefined ? [] : decodeCursor(scope, keyShape, query.cursor)
    const conversations = await db.asUser(
      user.id,
      (sql) => sql<Conversation[]>`
        select ${conversationColumns(sql)}
        from colloquy.conversations c
        ${joinLastTurn(sql)}
        where c.user_id = ${user.id} and c.archived = ${query.archived}
          ${id === undefined ? sql`` : sql`and (c.last_turn_at, c.id) < (${String(time)}::timestamptz, ${id}::uuid)`}
        order by c.last_turn_at desc, c.id desc
        limit ${query.limit + 1}`,
    )
    return reply(
      200,
      page(conversations, query.limit, scope, (row) => [row.last_turn_at, row.id]),
    )
  }
