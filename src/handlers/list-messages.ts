import type { Sql } from '../db/database.js'
import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import { tokenOf } from './consistency.js'
import type { Deps } from './deps.js'
import { hasConversation } from './has-conversation.js'
import {
  joinSiblings,
  joinTurn,
  type MessageRow,
  messageBytes,
  messageColumns,
  toMessage,
} from './message-columns.js'
import { decodeCursor, maxPageBytes, pageOf, position } from './page.js'

export const listMessages =
  ({ db, readsAfter }: Deps): Handler<'listMessages'> =>
  async ({ params, query, headers, user }, reply) => {
    const { conversation_id: conversationId } = params
    const isWhole = query.branch === 'all'
    const scope = ['listMessages', user.id, conversationId, query.order, ...(isWhole ? ['all'] : [])]
    const [after] = query.cursor === undefined ? [] : decodeCursor(scope, [position], query.cursor)
    const isNewestFirst = query.order === 'desc'

    /** The positions of the branch's next message on, so that those of other branches are not read. */
    const onwards = (sql: Sql, last: ReturnType<Sql>) =>
      isNewestFirst
        ? sql`m.position < ${last}
          and m.position <= coalesce(upper(branch.path * int4multirange(int4range(null, ${last}))) - 1, 0)`
        : sql`m.position >= lower(branch.path * int4multirange(int4range(${last} + 1, null)))`
    /** The next message's position and its size as JSON. */
    const next = (sql: Sql, last: ReturnType<Sql> | undefined) => sql`
      select m.position, ${messageBytes(sql, user.id, query.include)} as bytes
      from colloquy.messages m
      where m.user_id = ${user.id} and m.conversation_id = ${conversationId}
        and branch.path @> m.position and (m.role <> 'summary' or branch.path @> m.summarized_through)
        ${last === undefined ? sql`` : sql`and ${onwards(sql, last)}`}
      order by m.position ${isNewestFirst ? sql`desc` : sql`asc`}
      limit 1`
    // Walks message by message, so that at most one message beyond the page is read.
    const reads = readsAfter(headers['Consistency-Token'])
    const rows = await reads.find(
      user.id,
      (sql) => sql<(MessageRow & { has_next: boolean })[]>`
        with recursive branch as materialized (
          select coalesce(${isWhole ? sql`null` : sql`c.active_path`}, '{(,)}'::int4multirange) as path
          from colloquy.conversations c
          where c.user_id = ${user.id} and c.id = ${conversationId} and colloquy.is_live(c.expires_at)
        ),
        listed as (
          select first.position, first.bytes, 1 as n
          from branch
          cross join lateral (${next(sql, after === undefined ? undefined : sql`${after}::integer`)}) first
          union all
          select next.position, listed.bytes + next.bytes, listed.n + 1
          from listed
          cross join branch
          cross join lateral (${next(sql, sql`listed.position`)}) next
          where listed.n <= ${query.limit} and (listed.n = 1 or listed.bytes <= ${maxPageBytes})
        )
        select ${messageColumns(sql, query.include)}, listed.n < (select max(n) from listed) as has_next
        from listed
        join colloquy.messages m
          on m.user_id = ${user.id} and m.conversation_id = ${conversationId} and m.position = listed.position
        ${joinTurn(sql, user.id)}
        ${joinSiblings(sql, user.id)}
        where listed.n = 1 or (listed.n <= ${query.limit} and listed.bytes <= ${maxPageBytes})
        order by listed.n`,
    )
    if (rows.length === 0 && !(await hasConversation(db, user.id, conversationId)))
      return problem('conversation-not-found')
    const hasNext = rows.at(-1)?.has_next === true
    const messages = rows.map(({ has_next: _, ...row }) => toMessage(row))
    return reply(
      200,
      pageOf(messages, hasNext, scope, ({ position }) => [position]),
      tokenOf(reads),
    )
  }
