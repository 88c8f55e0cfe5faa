import type { Handler } from '../http/handler.js'
import { tokenOf } from './consistency.js'
import { type Conversation, conversationColumns, joinLastTurn } from './conversation-columns.js'
import type { Deps } from './deps.js'
import { decodeCursor, instant, maxPageBytes, pageOf } from './page.js'

/** The cursor's parts: the time of the last turn, and the id. */
const keyShape = [instant, /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/]

export const listConversations =
  ({ readsAfter }: Deps): Handler<'listConversations'> =>
  async ({ query, headers, user }, reply) => {
    const { archived, pinned, metadata = {}, limit } = query
    const scope = [
      'listConversations',
      user.id,
      String(archived),
      JSON.stringify(Object.entries(metadata).sort()),
      ...(pinned === undefined ? [] : [String(pinned)]),
    ]
    const [time, id] = query.cursor === undefined ? [] : decodeCursor(scope, keyShape, query.cursor)
    const reads = readsAfter(headers['Consistency-Token'])
    const rows = await reads.asUser(
      user.id,
      (sql) => sql<(Conversation & { has_next: boolean })[]>`
        with found as (
          select c.*, row_number() over newest_first as n,
            sum(500 + octet_length(to_json(coalesce(c.title, ''))::text) + octet_length(c.metadata::text))
              over newest_first as bytes
          from colloquy.conversations c
          where c.user_id = ${user.id} and c.archived = ${archived} and colloquy.is_live(c.expires_at)
            ${pinned === undefined ? sql`` : sql`and c.pinned = ${pinned}`}
            ${Object.keys(metadata).length === 0 ? sql`` : sql`and c.metadata @> ${sql.json(metadata)}`}
            ${id === undefined ? sql`` : sql`and (c.last_turn_at, c.id) < (${String(time)}::timestamptz, ${id}::uuid)`}
          window newest_first as (order by c.last_turn_at desc, c.id desc)
          order by c.last_turn_at desc, c.id desc
          limit ${limit + 1}
        )
        select ${conversationColumns(sql, user.id)}, c.n < (select max(n) from found) as has_next
        from found c
        ${joinLastTurn(sql, user.id)}
        where c.n = 1 or (c.n <= ${limit} and c.bytes <= ${maxPageBytes})
        order by c.n`,
    )
    const hasNext = rows.at(-1)?.has_next === true
    const conversations = rows.map(({ has_next: _, ...conversation }) => conversation)
    return reply(
      200,
      pageOf(conversations, hasNext, scope, (row) => [row.last_turn_at, row.id]),
      tokenOf(reads),
    )
  }
