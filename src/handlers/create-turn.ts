import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import type { Deps } from './deps.js'

export const createTurn =
  ({ turns }: Deps): Handler<'createTurn'> =>
  async ({ user, body }, reply) => {
    const outcome = await turns.send({
      userId: user.id,
      conversationId: body.conversation_id,
      message: body.message,
    })
    if (outcome.kind === 'not-found') return problem('conversation-not-found')
    if (outcome.kind === 'shutting-down') return problem('shutting-down')

    const ids = { conversation_id: outcome.conversationId, turn_id: outcome.turnId }
    if (outcome.kind === 'busy') return problem('turn-in-progress', ids)
    if (outcome.error) return problem(outcome.error.code, { ...ids, detail: outcome.error.detail })

    const { text, tool_calls, usage } = outcome.answer
    return reply(200, {
      ...ids,
      status: outcome.status === 'cancelled' ? 'cancelled' : 'completed',
      user_message_id: outcome.userMessageId,
      message_id: outcome.messageId,
      response: text,
      tool_calls,
      model: outcome.model,
      usage,
    })
  }
