import type { Handler } from '../http/handler.js'
import { newId } from '../new-id.js'
import { problem } from '../problems.js'
import { type Conversation, conversationColumns, joinLastTurn } from './conversation-columns.js'
import type { Deps } from './deps.js'
import { expiryOf, scheduleRemoval } from './expiry.js'
import { mustBeOneOf } from './turn-place.js'

export const createConversation =
  ({ db, assistants, retention }: Deps): Handler<'createConversation'> =>
  async ({ user, body }, reply) => {
    const { title = null, metadata = {}, expires_at = null } = body
    const assistant = assistants.ofNew(body.assistant)
    if (assistant === 'unknown') {
      const known = assistants.listed.map(({ name }) => name)
      return problem('validation-failed', { errors: [mustBeOneOf('assistant', known)] })
    }
    const [conversation] = await db.asUser(
      user.id,
      (sql) => sql<[Conversation]>`
        with c as (
          insert into colloquy.conversations
            (user_id, id, title, title_by, metadata, assistant, last_position, created_at, updated_at, last_turn_at,
             own_expires_at, expires_at)
          select ${user.id}, ${newId()}, ${title}::text, ${title === null ? 'message' : 'user'}, ${sql.json(metadata)},
            ${assistant?.name ?? null}::text, 0, now, now, now, ${expires_at}::timestamptz,
            ${expiryOf(sql, { own: sql`${expires_at}::timestamptz`, since: sql`now`, pinned: sql`false`, archived: sql`false` }, retention)}
          from colloquy.clock() as now
          returning *
        ),
        scheduled as (${scheduleRemoval(sql)})
        select ${conversationColumns(sql, user.id)}
        from c
        ${joinLastTurn(sql, user.id)}`,
    )
    // Relative, so that it holds behind a proxy that changes the path's beginning.
    return reply(201, conversation, { location: `conversations/${conversation.id}` })
  }
