import type { UIMessageChunk } from 'ai'
import type { components } from '../../generated/contract.js'
import { readFrames } from './event-stream.js'
import { turnFailure } from './problem.js'
import { createReplayFilter } from './replay-filter.js'
import { createRetryPolicy } from './retry-policy.js'

export type Turn = components['schemas']['DataTurnEvent']['data']
type StartEvent = components['schemas']['StartEvent']
type StreamEvent = components['schemas']['KnownStreamEvent']
type TurnError = components['schemas']['TurnError']

/** Opens a connection that continues after the event of that id. */
export type Connect = (after: string | undefined) => Promise<Response>

export interface MessageStreamOptions {
  /** opens the first connection */
  connect: Connect
  /** opens further connections, once the turn is known */
  resume: (turnId: string, after: string | undefined) => Promise<Response>
  /** aborts when the reader disconnects; the turn continues */
  disconnect: AbortSignal
  /** aborts when the reader stops the turn; a turn that has not begun is then not begun */
  stop?: AbortSignal | undefined
  retries: number
  silenceMs: number
  /** Called with each connection's turn, before its first event. */
  onTurn: (turn: Turn) => void | Promise<void>
  /** Called when the answer is complete. */
  onEnd: (messageId: string | undefined, end: 'completed' | 'cancelled' | 'failed') => void
}

/** The end of a turn as message metadata, in the form that stored messages have. */
const endMetadata = (
  status: string,
  details: { error?: TurnError; finish_reason?: string } = {},
): UIMessageChunk => ({
  type: 'message-metadata',
  messageMetadata: { status, ...details },
})

const finishReasons = ['stop', 'length', 'content-filter', 'tool-calls', 'error', 'other'] as const

/** The event as the AI SDK's chunk, which has a closed list of finish reasons. */
const toChunk = (event: StreamEvent): UIMessageChunk => {
  if (event.type !== 'finish') return event
  const { finishReason: reason, ...rest } = event
  if (reason === undefined) return rest
  return { ...rest, finishReason: finishReasons.find((known) => known === reason) ?? 'other' }
}

/** Streams one message over as many connections as needed. Throws ColloquyError at the end of a failed turn. */
export async function* readMessage(options: MessageStreamOptions): AsyncGenerator<UIMessageChunk> {
  const { disconnect, stop, onTurn, onEnd } = options
  const filter = createReplayFilter()
  const policy = createRetryPolicy(options.retries)
  let connect = options.connect
  let lastEventId: string | undefined
  /** held back until the turn is known, which is the next event */
  let start: StartEvent | undefined
  let messageId: string | undefined
  let failure: TurnError | undefined
  while (!disconnect.aborted) {
    try {
      const response = await connect(lastEventId)
      // The turn to resume has ended meanwhile.
      if (response.status === 204) return
      policy.connected()
      for await (const { id, event } of readFrames(response, options.silenceMs, disconnect)) {
        if (!event) return
        if (id) lastEventId = id
        if (event.type === 'start') {
          start = event
          messageId = event.messageId
          continue
        }
        if (event.type === 'data-turn') {
          const { turn_id } = event.data
          connect = (after) => options.resume(turn_id, after)
          failure = event.data.error
          await onTurn(event.data)
          if (disconnect.aborted) return
        }
        const [attempt = ''] = id.split('-')
        const startEvents = start && filter(start, attempt)
        start = undefined
        const events = filter(event, attempt)
        // Replayed events are no progress, and transient ones are always replayed.
        if (events.some(({ type }) => !type.startsWith('data-'))) policy.progressed()
        for (const chunk of startEvents ?? []) {
          const metadata = event.type === 'data-turn' && { messageMetadata: { turn_id: event.data.turn_id } }
          yield { ...chunk, ...metadata } as UIMessageChunk
        }
        if (event.type === 'error') {
          const error = failure ?? { code: 'model-failed', detail: event.errorText }
          onEnd(messageId, 'failed')
          for (const chunk of events) if (chunk.type !== 'error') yield toChunk(chunk)
          yield endMetadata(error.code === 'turn-interrupted' ? 'interrupted' : 'failed', { error })
          throw turnFailure(error)
        }
        if (event.type === 'finish' || event.type === 'abort') {
          const end = event.type === 'finish' ? 'completed' : 'cancelled'
          onEnd(messageId, end)
          const reason = event.type === 'finish' ? event.finishReason : undefined
          yield endMetadata(end, reason === undefined ? {} : { finish_reason: reason })
        }
        for (const chunk of events) yield toChunk(chunk)
      }
    } catch (error) {
      // A message that was stopped before the server named its turn is not sent again.
      if (disconnect.aborted || stop?.aborted) return
      await policy.waitOrThrow(error, disconnect, stop)
    }
  }
}
