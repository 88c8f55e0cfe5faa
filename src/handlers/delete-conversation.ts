import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import type { Deps } from './deps.js'

export const deleteConversation =
  ({ db }: Deps): Handler<'deleteConversation'> =>
  async ({ params, user }, reply) => {
    const [{ deleted }] = await db.statement(
      (sql) => sql<[{ deleted: boolean }]>`
        select colloquy.delete_conversation(
          p_user_id => ${user.id}, p_conversation_id => ${params.conversation_id}) as deleted`,
      'others',
      user.id,
    )
    return deleted ? reply(204) : problem('conversation-not-found')
  }
