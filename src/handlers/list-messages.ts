import type { components } from '../../generated/contract.js'
import type { Sql } from '../db/database.js'
import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import { type TurnErrorCode, turnError } from '../turns/turn-errors.js'
import type { Deps } from './deps.js'
import { decodeCursor, pageOf } from './page.js'

type Message = components['schemas']['Message']
type Row = Omit<Message, 'error'> & { error_code: TurnErrorCode | null; has_next: boolean }

/** The cursor's part: the position. */
const keyShape = [/^[1-9]\d{0,8}$/]

/** The contract's limit for a page's texts and tool calls, as JSON: what a slow client makes us hold in memory. */
const maxPageBytes = 1_048_576

export const listMessages =
  ({ db }: Deps): Handler<'listMessages'> =>
  async ({ params, query, user }, reply) => {
    const { conversation_id: conversationId } = params
    const scope = ['listMessages', user.id, conversationId, query.order]
    const [after] = query.cursor === undefined ? [] : decodeCursor(scope, keyShape, query.cursor)
    const isNewestFirst = query.order === 'desc'

    /** The next message's position and size. */
    const next = (sql: Sql, last: ReturnType<Sql> | undefined) => sql`
      select m.position, octet_length(to_json(m.content)::text) + octet_length(m.tool_calls::text) as bytes
      from colloquy.messages m
      where m.user_id = ${user.id} and m.conversation_id = ${conversationId}
        ${last === undefined ? sql`` : isNewestFirst ? sql`and m.position < ${last}` : sql`and m.position > ${last}`}
      order by m.position ${isNewestFirst ? sql`desc` : sql`asc`}
      limit 1`
    // Walks message by message, so that at most one message beyond the page is read.
    const rows = await db.asUser(
      user.id,
      (sql) => sql<Row[]>`
        with recursive listed as (
          select first.position, first.bytes, 1 as n
          from (${next(sql, after === undefined ? undefined : sql`${after}`)}) first
          union all
          select next.position, listed.bytes + next.bytes, listed.n + 1
          from listed
          cross join lateral (${next(sql, sql`listed.position`)}) next
          where listed.n <= ${query.limit} and (listed.n = 1 or listed.bytes <= ${maxPageBytes})
        )
        select m.id, m.conversation_id, m.turn_id, m.position, m.parent_id, m.role, m.status, m.content,
          m.tool_calls,
          case when m.status in ('failed', 'interrupted') then t.error_code end as error_code, m.created_at,
          listed.n < (select max(n) from listed) as has_next
        from listed
        join colloquy.messages m
          on m.user_id = ${user.id} and m.conversation_id = ${conversationId} and m.position = listed.position
        left join colloquy.turns t on t.user_id = m.user_id and t.id = m.turn_id
        where listed.n = 1 or (listed.n <= ${query.limit} and listed.bytes <= ${maxPageBytes})
        order by listed.n`,
    )
    // Every conversation has messages, and so has every page that a cursor leads to: none means no such conversation.
    if (rows.length === 0) return problem('conversation-not-found')
    const messages = rows.map(
      ({ has_next: _, error_code, ...message }): Message => ({
        ...message,
        error: error_code === null ? null : turnError(error_code),
      }),
    )
    const hasNext = rows.at(-1)?.has_next === true
    return reply(
      200,
      pageOf(messages, hasNext, scope, ({ position }) => [position]),
    )
  }
