import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import type { Deps } from './deps.js'

/** The turns and messages go with it, by foreign keys that cascade. */
export const deleteConversation =
  ({ db }: Deps): Handler<'deleteConversation'> =>
  async ({ params, user }, reply) => {
    const [deleted] = await db.asUser(
      user.id,
      (sql) => sql<{ id: string }[]>`
        delete from colloquy.conversations
        where user_id = ${user.id} and id = ${params.conversation_id}
        returning id`,
    )
    return deleted ? reply(204) : problem('conversation-not-found')
  }
