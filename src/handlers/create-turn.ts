import type { Handler } from '../http/handler.js'
import { parseIdempotencyKey } from '../http/idempotency-key.js'
import { SseStream } from '../http/sse.js'
import { problem } from '../problems.js'
import type { Deps } from './deps.js'

const endProblems = {
  'key-in-use': 'idempotency-key-in-use',
  'not-stored': 'database-unavailable',
  'handed-over': 'shutting-down',
} as const

const unknownModel = (known: string[]) => ({
  path: '/body/model',
  message: `must be one of ${known.join(', ')}`.slice(0, 500),
})

export const createTurn =
  ({ turns }: Deps): Handler<'createTurn'> =>
  async ({ user, body, headers, mediaType }, reply) => {
    const sent = await turns.send({
      userId: user.id,
      conversationId: body.conversation_id,
      message: body.message,
      model: body.model,
      key: parseIdempotencyKey(headers['Idempotency-Key']),
    })
    switch (sent.kind) {
      case 'not-found':
        return problem('conversation-not-found')
      case 'mismatch':
        return problem('idempotency-key-mismatch')
      case 'unknown-model':
        return problem('validation-failed', { errors: [unknownModel(sent.known)] })
      case 'shutting-down':
        return problem('shutting-down')
      case 'busy':
        return problem('turn-in-progress', { conversation_id: sent.conversationId, turn_id: sent.turnId })
    }
    const replayed = sent.replayed ? { 'idempotency-replayed': 'true' } : undefined
    if (mediaType === 'text/event-stream') {
      return reply(200, new SseStream((signal) => turns.read(sent, undefined, signal)), replayed)
    }

    const end = await turns.wait(sent)
    const { conversationId: conversation_id, turnId: turn_id } = sent.attemptLog.ids
    if (end.kind === 'not-found') return problem('conversation-not-found')
    if (end.kind !== 'ended') return problem(endProblems[end.kind], { conversation_id, turn_id })
    const { error, status, retryAfter, ...rest } = end.end
    if (error) {
      return problem(error.code, {
        conversation_id,
        turn_id,
        detail: error.detail,
        ...(retryAfter !== undefined && { headers: { 'retry-after': String(retryAfter) } }),
      })
    }
    return reply(200, { ...rest, status: status === 'cancelled' ? 'cancelled' : 'completed' }, replayed)
  }
