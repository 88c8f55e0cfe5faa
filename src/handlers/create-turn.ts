import type { components } from '../../generated/closed/contract.js'
import type { Caller, Handler } from '../http/handler.js'
import { parseIdempotencyKey } from '../http/idempotency-key.js'
import { SseStream } from '../http/sse.js'
import { Problem, problem } from '../problems.js'
import type { UserLimits } from '../turns/limits.js'
import type { SendResult } from '../turns/send.js'
import type { Deps } from './deps.js'
import { limitProblem, totalBudgetProblem } from './limit-problem.js'
import { toApiCalls } from './tool-calls.js'
import { combinationErrors, mustBeOneOf, otherAssistant, placeOf, unfitMessage } from './turn-place.js'

interface SendRequest {
  user: Caller
  body: components['schemas']['TurnRequest']
  headers: { 'Idempotency-Key'?: string }
}

type Refusal =
  | 'conversation-not-found'
  | 'message-not-found'
  | 'idempotency-key-mismatch'
  | 'validation-failed'
  | 'shutting-down'
  | 'turn-in-progress'
  | 'rate-limited'
  | 'budget-exceeded'
  | 'service-budget-exceeded'
  | 'instance-overloaded'
  | 'assistant-unavailable'

/** Begins the turn of a message, or finds the one of its key. What refuses it is a problem. */
export const sendMessage = async (
  { turns, limitsOf }: Pick<Deps, 'turns' | 'limitsOf'>,
  { user, body, headers }: SendRequest,
): Promise<Extract<SendResult, { kind: 'turn' }> | Problem<Refusal>> => {
  const errors = combinationErrors(body)
  if (errors.length > 0) return problem('validation-failed', { errors })
  const limits = limitsOf?.(user)
  const sent = await turns.send({
    userId: user.id,
    conversationId: body.conversation_id,
    message: body.message ?? '',
    place: placeOf(body),
    model: body.model,
    assistant: body.assistant,
    claims: user.claims,
    key: parseIdempotencyKey(headers['Idempotency-Key']),
    limits,
  })
  switch (sent.kind) {
    case 'turn':
      return sent
    case 'not-found':
      return problem('conversation-not-found')
    case 'message-not-found':
      return problem('message-not-found')
    case 'unfit-message':
      return problem('validation-failed', { errors: [unfitMessage(body)] })
    case 'mismatch':
      return problem('idempotency-key-mismatch')
    case 'unknown-model':
      return problem('validation-failed', { errors: [mustBeOneOf('model', sent.known)] })
    case 'unknown-assistant':
      return problem('validation-failed', { errors: [mustBeOneOf('assistant', sent.known)] })
    case 'other-assistant':
      return problem('validation-failed', { errors: [otherAssistant] })
    case 'assistant-unavailable':
      return problem('assistant-unavailable')
    case 'limited':
      if (sent.refusal.limit === 'budget') return totalBudgetProblem(sent.refusal)
      // Without limits of the user's none is reached.
      return limitProblem(sent.refusal, limits as UserLimits)
    case 'overloaded':
      return problem('instance-overloaded')
    case 'shutting-down':
      return problem('shutting-down')
    case 'busy':
      return problem('turn-in-progress', { conversation_id: sent.conversationId, turn_id: sent.turnId })
  }
}

export const replayedHeader = (sent: { replayed: boolean }): Record<string, string> =>
  sent.replayed ? { 'idempotency-replayed': 'true' } : {}

const endProblems = {
  'key-in-use': 'idempotency-key-in-use',
  'not-stored': 'database-unavailable',
  'handed-over': 'shutting-down',
  overloaded: 'instance-overloaded',
} as const

export const createTurn =
  (deps: Deps): Handler<'createTurn'> =>
  async (request, reply) => {
    const { turns } = deps
    const sent = await sendMessage(deps, request)
    if (sent instanceof Problem) return sent
    if (request.mediaType === 'text/event-stream') {
      return reply(200, new SseStream((signal) => turns.read(sent, undefined, signal)), replayedHeader(sent))
    }

    const end = await turns.wait(sent)
    const { conversationId: conversation_id, turnId: turn_id } = sent.attemptLog.ids
    if (end.kind === 'not-found') return problem('conversation-not-found')
    if (end.kind !== 'ended') return problem(endProblems[end.kind], { conversation_id, turn_id })
    const { error, status, retryAfter, tool_calls, reasoning: _, ...rest } = end.end
    if (error) {
      return problem(error.code, {
        conversation_id,
        turn_id,
        detail: error.detail,
        ...(retryAfter !== undefined && { headers: { 'retry-after': String(retryAfter) } }),
      })
    }
    return reply(
      200,
      {
        ...rest,
        status: status === 'cancelled' ? 'cancelled' : 'completed',
        tool_calls: toApiCalls(tool_calls),
      },
      replayedHeader(sent),
    )
  }
