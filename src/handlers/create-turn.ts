import type { Handler } from '../http/handler.js'
import { parseIdempotencyKey } from '../http/idempotency-key.js'
import { problem } from '../problems.js'
import type { Deps } from './deps.js'

const turnProblems = {
  busy: 'turn-in-progress',
  'key-in-use': 'idempotency-key-in-use',
  'not-stored': 'database-unavailable',
} as const

export const createTurn =
  ({ turns }: Deps): Handler<'createTurn'> =>
  async ({ user, body, headers }, reply) => {
    const result = await turns.send({
      userId: user.id,
      conversationId: body.conversation_id,
      message: body.message,
      key: parseIdempotencyKey(headers['Idempotency-Key']),
    })
    switch (result.kind) {
      case 'not-found':
        return problem('conversation-not-found')
      case 'mismatch':
        return problem('idempotency-key-mismatch')
      case 'shutting-down':
        return problem('shutting-down')
      case 'busy':
      case 'key-in-use':
      case 'not-stored':
        return problem(turnProblems[result.kind], {
          conversation_id: result.conversationId,
          turn_id: result.turnId,
        })
    }
    const { error, status, ...outcome } = result.outcome
    if (error) {
      const { conversation_id, turn_id } = outcome
      return problem(error.code, { conversation_id, turn_id, detail: error.detail })
    }
    return reply(
      200,
      { ...outcome, status: status === 'cancelled' ? 'cancelled' : 'completed' },
      result.replayed ? { 'idempotency-replayed': 'true' } : undefined,
    )
  }
