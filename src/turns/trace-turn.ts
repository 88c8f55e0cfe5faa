import {
  attemptAttributes,
  databaseFailure,
  toFinishReason,
  turnIds,
  turnSpan,
  usageAttributes,
} from '../tracing/conventions.js'
import type { TraceSpan, Tracing } from '../tracing/tracing.js'
import type { SendResult } from './send.js'
import type { BeginTurn, Begun } from './store/begin-turns.js'
import type { Fate } from './types.js'

/** Begins a turn in a span of its own. The span ends with the turn's attempt, or here if this request has begun none. */
export const traceBegin = async (
  tracing: Tracing | undefined,
  turn: BeginTurn,
  begin: () => Promise<SendResult>,
): Promise<SendResult> => {
  if (!tracing) return begin()
  const span = tracing.start(turnSpan)
  turn.span = span
  try {
    const sent = await span.run(begin)
    if (sent.kind === 'turn' && !sent.replayed) return sent
    if (sent.kind === 'turn')
      span.set(turnIds(sent.attemptLog.ids.conversationId, sent.attemptLog.ids.turnId))
    span.set({ 'colloquy.turn.outcome': sent.kind === 'turn' ? 'replayed' : sent.kind })
    span.end()
    return sent
  } catch (error) {
    span.fail(databaseFailure(error).type)
    span.end()
    throw error
  }
}

const tellEnd = (span: TraceSpan, fate: Fate): void => {
  span.set({ 'colloquy.turn.outcome': fate.kind === 'ended' ? fate.end.status : fate.kind })
  if (fate.kind === 'not-stored') span.fail('database-unavailable')
  if (fate.kind !== 'ended') return
  const { model, usage, finish_reason, error } = fate.end
  span.set({
    'gen_ai.response.model': model,
    ...usageAttributes(usage),
    'gen_ai.response.finish_reasons': finish_reason === null ? undefined : [toFinishReason(finish_reason)],
  })
  if (error) span.fail(error.code)
}

/** Runs a turn's attempt in the span that the turn has begun in, and ends that. A client that goes away ends neither. */
export const traceAttempt = async (
  span: TraceSpan | undefined,
  begun: Extract<Begun, { outcome: 'begun' }>,
  run: () => Promise<Fate>,
): Promise<Fate> => {
  if (!span) return run()
  const { conversation_id, turn_id, attempt, model, assistant } = begun
  if (assistant !== null) span.rename(`invoke_agent ${assistant}`)
  span.share(turnIds(conversation_id, turn_id))
  span.set(attemptAttributes(attempt, model, assistant))
  try {
    const fate = await span.run(run)
    tellEnd(span, fate)
    return fate
  } catch (error) {
    span.fail((error as Error).name)
    throw error
  } finally {
    span.end()
  }
}
