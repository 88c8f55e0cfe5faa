import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import { tokenOf } from './consistency.js'
import { inLiveConversation } from './conversation-columns.js'
import type { Deps } from './deps.js'
import { joinSiblings, joinTurn, type MessageRow, messageColumns, toMessage } from './message-columns.js'

export const getMessage =
  ({ readsAfter }: Deps): Handler<'getMessage'> =>
  async ({ params, query, headers, user }, reply) => {
    const reads = readsAfter(headers['Consistency-Token'])
    const [row] = await reads.find(
      user.id,
      (sql) => sql<MessageRow[]>`
        select ${messageColumns(sql, query.include)}
        from colloquy.messages m
        ${joinTurn(sql, user.id)}
        ${joinSiblings(sql, user.id)}
        where m.user_id = ${user.id} and m.id = ${params.message_id}
          and ${inLiveConversation(sql, 'm', user.id)}`,
    )
    return row ? reply(200, toMessage(row), tokenOf(reads)) : problem('message-not-found')
  }
