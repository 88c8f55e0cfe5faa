import type { components } from '../../../generated/closed/contract.js'
import type { AttemptLog } from '../attempts/attempt-log.js'
import { emptyAnswer, reduce, type TurnEvent } from '../events.js'
import { type TurnError, turnError } from '../turn-errors.js'
import type { Fate, StoredEnd } from '../types.js'

export type StreamEvent = components['schemas']['StreamEvent']

const deletedError = turnError('turn-not-found')
const supersededError = turnError('turn-interrupted')

/** The events of the stored end that are missing in `said`, tool calls first. */
const missingEvents = (said: readonly TurnEvent[], { response, tool_calls }: StoredEnd): TurnEvent[] => {
  const answer = emptyAnswer()
  for (const event of said) reduce(answer, event)
  const tools = tool_calls.flatMap((call): TurnEvent[] => {
    const { id, name, duration_ms } = call
    const known = answer.tool_calls.find((other) => other.id === id)
    const events: TurnEvent[] = known ? [] : [{ type: 'tool-call', id, name, arguments: call.arguments }]
    if (known && ('result' in known || known.error !== undefined)) return events
    if (call.error !== undefined) events.push({ type: 'tool-error', id, error: call.error, duration_ms })
    else if ('result' in call) events.push({ type: 'tool-result', id, result: call.result, duration_ms })
    return events
  })
  const text = response.startsWith(answer.text) ? response.slice(answer.text.length) : ''
  return text ? [...tools, { type: 'text-delta', delta: text }] : tools
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
  let texts = 0
  let isTextOpen = false
  let hasResults = false

  const endText = (): void => {
    if (isTextOpen) events.push({ type: 'text-end', id: `text-${texts}` })
    isTextOpen = false
  }

  /** Text or a call after tool results starts the next step. */
  const nextStep = (): void => {
    if (!hasResults) return
    endText()
    events.push({ type: 'finish-step' }, { type: 'start-step' })
    hasResults = false
  }

  const append = (event: TurnEvent): void => {
    switch (event.type) {
      case 'text-delta':
        nextStep()
        if (!isTextOpen) {
          texts += 1
          isTextOpen = true
          events.push({ type: 'text-start', id: `text-${texts}` })
        }
        events.push({ type: 'text-delta', id: `text-${texts}`, delta: event.delta })
        break
      case 'tool-call':
        nextStep()
        endText()
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
          endText()
        }
        final = toFinalEvents(attemptLog.fate)
      }
      return final
    },
  }
}
