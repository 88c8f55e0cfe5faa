import type { components } from '../../generated/contract.js'
import type { Connection } from './call.js'
import { readFrames, type StreamEvent } from './event-stream.js'
import { type ColloquyError, turnFailure } from './problem.js'
import { createReplayFilter } from './replay-filter.js'
import { createRetryPolicy } from './retry-policy.js'

export type Turn = components['schemas']['DataTurnEvent']['data']

/** A connection that has lived for so long counts as progress, whatever it said. */
const LIVED_MS = 10_000

export interface ResumedEventsOptions {
  /** Opens a connection that continues after the event of that id. */
  connect: (after: string | undefined) => Promise<Connection>
  /** Opens further connections, once the turn is known. */
  resume: (turnId: string, after: string | undefined) => Promise<Connection>
  /** aborts when the reader disconnects; the turn continues */
  disconnect?: AbortSignal | undefined
  /** aborts when the reader stops the turn; a turn that has not begun is then not begun */
  stop?: AbortSignal | undefined
  retries: number
  silenceMs: number
  /** Called with each connection's turn, before its next event. */
  onTurn?: (turn: Turn) => void | Promise<void>
}

/**
 * Reads events over as many connections as needed, without those that a later connection repeats. Ends silently when `disconnect`
 * aborts; throws ColloquyError when the connection cannot be restored.
 */
export async function* readResumedEvents(options: ResumedEventsOptions): AsyncGenerator<StreamEvent> {
  const { disconnect, stop, silenceMs } = options
  const filter = createReplayFilter()
  const policy = createRetryPolicy({ retries: options.retries })
  let { connect } = options
  let lastEventId: string | undefined
  while (!disconnect?.aborted) {
    let openedAt = Number.POSITIVE_INFINITY
    try {
      const connection = await connect(lastEventId)
      // The turn to resume has ended meanwhile.
      if (connection.response.status === 204) return connection.close()
      policy.connected()
      openedAt = performance.now()
      for await (const { id, event } of readFrames(connection, silenceMs, disconnect)) {
        if (!event) return
        if (id) lastEventId = id
        if (event.type === 'data-turn') {
          const { turn_id } = event.data
          connect = (after) => options.resume(turn_id, after)
          await options.onTurn?.(event.data)
          if (disconnect?.aborted) return
        }
        const [attempt = ''] = id.split('-')
        const events = filter(event, attempt)
        // Replayed events are no progress, and transient ones are always replayed.
        if (events.some(({ type }) => !type.startsWith('data-'))) policy.progressed()
        yield* events
      }
    } catch (error) {
      // A message that was stopped before the server named its turn is not sent again.
      if (disconnect?.aborted || stop?.aborted) return
      if (performance.now() - openedAt > LIVED_MS) policy.progressed()
      await policy.waitOrThrow(error, disconnect, stop)
    }
  }
}

/** The error that an `error` event stands for: the turn's, of which the event before it told. */
export const failureOf = (errorText: string, turn: Turn | undefined): ColloquyError =>
  turnFailure(turn?.error ?? { code: 'model-failed', detail: errorText }, turn)
