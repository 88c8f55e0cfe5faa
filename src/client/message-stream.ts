import type { UIMessageChunk } from 'ai'
import type { components } from '../../generated/contract.js'
import { readFrames } from './event-stream.js'
import { turnFailure } from './problem.js'
import { createContinuation } from './replay-filter.js'
import { createRetries } from './retry-policy.js'

export type Turn = components['schemas']['DataTurnEvent']['data']
type StartEvent = components['schemas']['StartEvent']
type StreamError = components['schemas']['StreamError']

/** Opens a connection, after the frame of that id. */
export type Connect = (after: string | undefined) => Promise<Response>

export interface Reading {
  /** makes the first connection */
  connect: Connect
  /** makes the next ones, once the turn is known */
  resume: (turnId: string, after: string | undefined) => Promise<Response>
  /** the reader goes, and the turn goes on */
  leaving: AbortSignal
  /** the reader wants the turn to end: what has no turn yet is not begun any more */
  stop?: AbortSignal | undefined
  retries: number
  silenceMs: number
  /** Told each connection's turn, before its first event is given. */
  onTurn: (turn: Turn) => void | Promise<void>
  /** Told that the answer has been given to its end. */
  onEnd: (messageId: string | undefined, end: 'completed' | 'cancelled' | 'failed') => void
}

/** A turn's end as the message's metadata, like that of a stored message. */
const ended = (status: string, error?: StreamError): UIMessageChunk => ({
  type: 'message-metadata',
  messageMetadata: { status, ...(error && { error }) },
})

/** One message's stream, over as many connections as it takes; a turn that failed is a ColloquyError at its end. */
export async function* readMessage(reading: Reading): AsyncGenerator<UIMessageChunk> {
  const { leaving, stop, onTurn, onEnd } = reading
  const proceed = createContinuation()
  const retries = createRetries(reading.retries)
  let connect = reading.connect
  let after: string | undefined
  /** waits for its turn, which comes next */
  let start: StartEvent | undefined
  let messageId: string | undefined
  let failure: StreamError | undefined
  while (!leaving.aborted) {
    try {
      const response = await connect(after)
      // What was to be resumed has ended meanwhile.
      if (response.status === 204) return
      retries.begun()
      for await (const { id, event } of readFrames(response, reading.silenceMs, leaving)) {
        if (!event) return
        if (id) after = id
        if (event.type === 'start') {
          start = event
          messageId = event.messageId
          continue
        }
        if (event.type === 'data-turn') {
          const { turn_id } = event.data
          connect = (last) => reading.resume(turn_id, last)
          failure = event.data.error
          await onTurn(event.data)
          if (leaving.aborted) return
        }
        const [attempt = ''] = id.split('-')
        const begin = start && proceed(start, attempt)
        start = undefined
        const news = proceed(event, attempt)
        // What only came again is no progress.
        if (news.some(({ type }) => type !== 'data-turn')) retries.progressed()
        for (const chunk of begin ?? []) {
          const metadata = event.type === 'data-turn' && { messageMetadata: { turn_id: event.data.turn_id } }
          yield { ...chunk, ...metadata } as UIMessageChunk
        }
        if (event.type === 'error') {
          const error = failure ?? { code: 'model-failed', detail: event.errorText }
          onEnd(messageId, 'failed')
          for (const chunk of news) if (chunk.type !== 'error') yield chunk
          yield ended(error.code === 'turn-interrupted' ? 'interrupted' : 'failed', error)
          throw turnFailure(error)
        }
        if (event.type === 'finish' || event.type === 'abort') {
          const end = event.type === 'finish' ? 'completed' : 'cancelled'
          onEnd(messageId, end)
          yield ended(end)
        }
        yield* news
      }
    } catch (error) {
      // A message that was stopped before the server named its turn is not sent again.
      if (leaving.aborted || stop?.aborted) return
      await retries.wait(error, leaving, stop)
    }
  }
}
