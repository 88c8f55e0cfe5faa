import type { components } from '../../../generated/closed/contract.js'
import type { ToolCall } from '../../models/model.js'
import { answerParts } from '../answer-parts.js'
import type { AttemptLog } from '../attempts/attempt-log.js'
import { emptyAnswer, hasEnded, reduce, type TurnEvent } from '../events.js'
import { type TurnError, turnError } from '../turn-errors.js'
import type { Fate, StoredEnd } from '../types.js'

export type StreamEvent = components['schemas']['StreamEvent']

type Piece = 'text' | 'reasoning'

const deletedError = turnError('turn-not-found')
const supersededError = turnError('turn-interrupted')

const callEvents = (call: ToolCall, known: ToolCall | undefined): TurnEvent[] => {
  const { id, name, duration_ms } = call
  const events: TurnEvent[] = known ? [] : [{ type: 'tool-call', id, name, arguments: call.arguments }]
  if (known && hasEnded(known)) return events
  if (call.error !== undefined) events.push({ type: 'tool-error', id, error: call.error, duration_ms })
  else if ('result' in call) events.push({ type: 'tool-result', id, result: call.result, duration_ms })
  return events
}

/** The events of the stored end that are missing in `said`, in the order in which the model wrote them. */
const missingEvents = (said: readonly TurnEvent[], end: StoredEnd): TurnEvent[] => {
  const answer = emptyAnswer()
  for (const event of said) reduce(answer, event)
  const known = new Map(answer.tool_calls.map((call) => [call.id, call]))
  // Texts and reasoning: how much of each was said.
  let texts = end.response.startsWith(answer.text) ? answer.text.length : end.response.length
  let reasoning = answer.reasoning.reduce((sum, { text }) => sum + text.length, 0)
  return answerParts(end.response, end.tool_calls, end.reasoning).flatMap((part): TurnEvent[] => {
    if (part.type === 'tool-call') return callEvents(part.call, known.get(part.call.id))
    const skipped = part.type === 'text' ? texts : reasoning
    const delta = part.text.slice(skipped)
    if (part.type === 'text') texts -= part.text.length - delta.length
    else reasoning -= part.text.length - delta.length
    return delta ? [{ type: `${part.type}-delta`, delta }] : []
  })
}

/**
 * Converts an attempt to the AI SDK's UI message stream, version 1 (https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol). The
 * conversion is deterministic, so that a frame's number means the same on every instance.
 */
export const createStreamParts = (attemptLog: AttemptLog) => {
  const { messageId, turnId, conversationId, userMessageId } = attemptLog.ids
  const turn = { turn_id: turnId, conversation_id: conversationId, user_message_id: userMessageId }
  const events: StreamEvent[] = [
    { type: 'start', messageId },
    { type: 'data-turn', transient: true, data: turn },
    { type: 'start-step' },
  ]
  let converted = 0
  const pieces = { text: 0, reasoning: 0 }
  let open: Piece | undefined
  let hasResults = false

  /** Ends the open text or reasoning, unless it is of the given kind. */
  const endPiece = (but?: Piece): void => {
    if (!open || open === but) return
    events.push({ type: `${open}-end`, id: `${open}-${pieces[open]}` })
    open = undefined
  }

  const say = (piece: Piece, delta: string): void => {
    nextStep()
    endPiece(piece)
    if (!open) {
      pieces[piece] += 1
      open = piece
      events.push({ type: `${piece}-start`, id: `${piece}-${pieces[piece]}` })
    }
    events.push({ type: `${piece}-delta`, id: `${piece}-${pieces[piece]}`, delta })
  }

  /** Text, reasoning or a call after tool results starts the next step. */
  const nextStep = (): void => {
    if (!hasResults) return
    endPiece()
    events.push({ type: 'finish-step' }, { type: 'start-step' })
    hasResults = false
  }

  const append = (event: TurnEvent): void => {
    switch (event.type) {
      case 'text-delta':
        say('text', event.delta)
        break
      case 'reasoning-delta':
        say('reasoning', event.delta)
        break
      case 'tool-call':
        nextStep()
        endPiece()
        events.push({
          type: 'tool-input-available',
          toolCallId: event.id,
          toolName: event.name,
          input: event.arguments,
          dynamic: true,
        })
        break
      case 'tool-progress': {
        const { type: _, id, ...progress } = event
        events.push({ type: 'data-tool-progress', transient: true, data: { tool_call_id: id, ...progress } })
        break
      }
      case 'tool-result':
        hasResults = true
        events.push({
          type: 'tool-output-available',
          toolCallId: event.id,
          output: event.result,
          dynamic: true,
        })
        break
      case 'tool-error':
        hasResults = true
        events.push({
          type: 'tool-output-error',
          toolCallId: event.id,
          errorText: event.error,
          dynamic: true,
        })
    }
  }

  const failed = (error: TurnError): StreamEvent[] => [
    { type: 'data-turn', transient: true, data: { ...turn, error } },
    { type: 'error', errorText: error.detail },
  ]

  const toFinalEvents = (fate: Fate): StreamEvent[] => {
    if (fate.kind === 'not-found') return failed(deletedError)
    if (fate.kind === 'superseded') return failed(supersededError)
    if (fate.kind !== 'ended') return []
    const { status, error, finish_reason: reason } = fate.end
    if (error) return failed(error)
    if (status === 'cancelled') return [{ type: 'abort' }]
    return [{ type: 'finish-step' }, { type: 'finish', ...(reason && { finishReason: reason }) }]
  }

  let final: StreamEvent[] | undefined
  let liveCount = 0
  return {
    /** all events so far; it only grows */
    events(): readonly StreamEvent[] {
      for (; converted < attemptLog.events.length; converted += 1)
        append(attemptLog.events[converted] as TurnEvent)
      return events
    },
    /** The number of events from the attempt itself; later ones were derived from its stored end. */
    liveCount: () => liveCount,
    /** The final events, once the attempt has ended; empty when the stream is to be cut. */
    finalEvents(): readonly StreamEvent[] {
      if (!attemptLog.fate) throw new Error('the turn has not ended')
      if (!final) {
        liveCount = this.events().length
        if (attemptLog.fate.kind === 'ended') {
          for (const event of missingEvents(attemptLog.events, attemptLog.fate.end)) append(event)
          endPiece()
        }
        final = toFinalEvents(attemptLog.fate)
      }
      return final
    },
  }
}
