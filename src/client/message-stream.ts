import type { components } from '../../generated/contract.js'
import type { StreamEvent } from './event-stream.js'
import { failureOf, type ResumedEventsOptions, readResumedEvents, type Turn } from './resumed-events.js'
import { createChunkTest, type MessageChunk, type SdkVersion } from './sdk.js'

type StartEvent = components['schemas']['StartEvent']
type TurnError = components['schemas']['TurnError']

export interface MessageStreamOptions extends ResumedEventsOptions {
  sdk: SdkVersion
  /** Called when the answer is complete. */
  onEnd: (messageId: string | undefined, end: 'completed' | 'cancelled' | 'failed') => void
}

/** The end of a turn as message metadata, in the form that stored messages have. */
const endMetadata = (
  status: string,
  details: { error?: TurnError; finish_reason?: string } = {},
): MessageChunk => ({
  type: 'message-metadata',
  messageMetadata: { status, ...details },
})

const finishReasons = ['stop', 'length', 'content-filter', 'tool-calls', 'error', 'other'] as const

/** The event as the AI SDK's chunk, which has a closed list of finish reasons. */
const toChunk = (event: StreamEvent): MessageChunk => {
  if (event.type !== 'finish') return event
  const { finishReason: reason, ...rest } = event
  if (reason === undefined) return rest
  return { ...rest, finishReason: finishReasons.find((known) => known === reason) ?? 'other' }
}

const toStart = (event: StartEvent, turn: Turn | undefined): MessageChunk => ({
  ...event,
  ...(turn && { messageMetadata: { turn_id: turn.turn_id, conversation_id: turn.conversation_id } }),
})

/** Streams one message, as `useChat` takes it. Throws ColloquyError at the end of a failed turn. */
export async function* readMessage({
  sdk,
  onEnd,
  onTurn,
  ...options
}: MessageStreamOptions): AsyncGenerator<MessageChunk> {
  const isKnown = createChunkTest(sdk)
  /** held back until the turn is known, which is the next event */
  let start: StartEvent | undefined
  let messageId: string | undefined
  let turn: Turn | undefined
  const events = readResumedEvents({
    ...options,
    async onTurn(named) {
      turn = named
      await onTurn?.(named)
    },
  })
  for await (const event of events) {
    if (event.type === 'start') {
      start = event
      messageId = event.messageId
      continue
    }
    if (start) yield toStart(start, turn)
    start = undefined
    if (event.type === 'error') {
      const failure = failureOf(event.errorText, turn)
      onEnd(messageId, 'failed')
      const error = turn?.error ?? { code: failure.code, detail: failure.message }
      yield endMetadata(failure.code === 'turn-interrupted' ? 'interrupted' : 'failed', { error })
      throw failure
    }
    if (event.type === 'finish' || event.type === 'abort') {
      const end = event.type === 'finish' ? 'completed' : 'cancelled'
      onEnd(messageId, end)
      const reason = event.type === 'finish' ? event.finishReason : undefined
      yield endMetadata(end, reason === undefined ? {} : { finish_reason: reason })
    }
    // A chunk of a type that the AI SDK does not know would end the stream.
    if (isKnown(event.type)) yield toChunk(event)
  }
}
