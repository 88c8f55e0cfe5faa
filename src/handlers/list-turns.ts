import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import type { Deps } from './deps.js'
import { hasConversation } from './has-conversation.js'
import { decodeCursor, page, position } from './page.js'
import { joinLease, type TurnRow, toTurn, turnColumns } from './turn-columns.js'

export const listTurns =
  ({ db }: Deps): Handler<'listTurns'> =>
  async ({ params, query, user }, reply) => {
    const { conversation_id: conversationId } = params
    const scope = ['listTurns', user.id, conversationId, query.order]
    const [after] = query.cursor === undefined ? [] : decodeCursor(scope, [position], query.cursor)
    const isNewestFirst = query.order === 'desc'
    // By the users' messages, whose index has the order; each is the first of its turn.
    const rows = await db.asUser(
      user.id,
      (sql) => sql<(TurnRow & { position: number })[]>`
        select ${turnColumns(sql)}, m.position
        from colloquy.messages m
        join colloquy.turns t on t.user_id = m.user_id and t.id = m.turn_id
        ${joinLease(sql)}
        where m.user_id = ${user.id} and m.conversation_id = ${conversationId} and m.role = 'user'
          ${after === undefined ? sql`` : isNewestFirst ? sql`and m.position < ${after}` : sql`and m.position > ${after}`}
        order by m.position ${isNewestFirst ? sql`desc` : sql`asc`}
        limit ${query.limit + 1}`,
    )
    if (rows.length === 0 && !(await hasConversation(db, user.id, conversationId)))
      return problem('conversation-not-found')
    const { data, next_cursor } = page(rows, query.limit, scope, (row) => [row.position])
    return reply(200, { data: data.map(({ position: _, ...turn }) => toTurn(turn)), next_cursor })
  }
