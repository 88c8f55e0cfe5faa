import type { Handler } from '../http/handler.js'
import { SseStream } from '../http/sse.js'
import { problem } from '../problems.js'
import type { Deps } from './deps.js'

export const streamConversation =
  ({ db, turns }: Deps): Handler<'streamConversation'> =>
  async ({ params, headers, user }, reply) => {
    const [conversation] = await db.asUser(
      user.id,
      (sql) => sql<{ running_turn_id: string | null }[]>`
        select t.id as running_turn_id
        from colloquy.conversations c
        left join colloquy.turns t on t.user_id = ${user.id} and t.id = c.last_turn_id and t.status = 'running'
        where c.user_id = ${user.id} and c.id = ${params.conversation_id}
          and colloquy.is_live(c.expires_at)`,
    )
    if (!conversation) return problem('conversation-not-found')
    const { running_turn_id } = conversation
    const turn = running_turn_id === null ? undefined : await turns.open(user.id, running_turn_id)
    if (!turn || turn.attemptLog.fate) return reply(204)
    return reply(200, new SseStream((signal) => turns.read(turn, headers['Last-Event-ID'], signal)))
  }
