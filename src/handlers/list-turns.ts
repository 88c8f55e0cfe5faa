import type { Sql } from '../db/database.js'
import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import { tokenOf } from './consistency.js'
import type { Deps } from './deps.js'
import { hasConversation } from './has-conversation.js'
import { decodeCursor, page, position } from './page.js'
import { joinLease, type TurnRow, toTurn, turnColumns } from './turn-columns.js'

export const listTurns =
  ({ db, readsAfter }: Deps): Handler<'listTurns'> =>
  async ({ params, query, headers, user }, reply) => {
    const { conversation_id: conversationId } = params
    const scope = ['listTurns', user.id, conversationId, query.order]
    const [after] = query.cursor === undefined ? [] : decodeCursor(scope, [position], query.cursor)
    const isNewestFirst = query.order === 'desc'
    const bounds = (sql: Sql, position: ReturnType<Sql>) =>
      after === undefined
        ? sql``
        : isNewestFirst
          ? sql`and ${position} < ${after}`
          : sql`and ${position} > ${after}`
    const order = (sql: Sql) => (isNewestFirst ? sql`desc` : sql`asc`)
    // By the messages, whose index has the order: of each turn the first that it writes. A turn that answers an earlier message again
    // writes an answer alone, and while it runs, none.
    const reads = readsAfter(headers['Consistency-Token'])
    const rows = await reads.find(
      user.id,
      (sql) => sql<(TurnRow & { position: number })[]>`
        select ${turnColumns(sql)}, first.position
        from (
          (
            select m.position, m.turn_id
            from colloquy.messages m
            join colloquy.turns t on t.user_id = ${user.id} and t.id = m.turn_id
            where m.user_id = ${user.id} and m.conversation_id = ${conversationId}
              and m.position = coalesce(t.answer_position, t.position)
              ${bounds(sql, sql`m.position`)}
            order by m.position ${order(sql)}
            limit ${query.limit + 1}
          )
          union all
          select t.answer_position, t.id
          from colloquy.conversations c
          join colloquy.turns t on t.user_id = ${user.id} and t.id = c.last_turn_id
          where c.user_id = ${user.id} and c.id = ${conversationId}
            and t.status = 'running' and t.answer_position is not null
            ${bounds(sql, sql`t.answer_position`)}
        ) first
        join colloquy.turns t on t.user_id = ${user.id} and t.id = first.turn_id
        ${joinLease(sql)}
        where exists (
          select
          from colloquy.conversations c
          where c.user_id = ${user.id} and c.id = ${conversationId} and colloquy.is_live(c.expires_at))
        order by first.position ${order(sql)}
        limit ${query.limit + 1}`,
    )
    if (rows.length === 0 && !(await hasConversation(db, user.id, conversationId)))
      return problem('conversation-not-found')
    const { data, next_cursor } = page(rows, query.limit, scope, (row) => [row.position])
    const turns = data.map(({ position: _, ...turn }) => toTurn(turn))
    return reply(200, { data: turns, next_cursor }, tokenOf(reads))
  }
