import type { AttemptLog } from '../attempts/attempt-log.js'
import { createStreamParts, type StreamEvent } from './ui-message-stream.js'

/** One frame of a stream. Without an event it is the final `[DONE]`. */
export interface Frame {
  /** `<attempt>-<n>`, n starting at 1 */
  id: string
  event: StreamEvent | undefined
}

interface FrameOptions {
  /** the id of the reader's last frame */
  after?: string | undefined
  /** how long it may be silent */
  heartbeatMs: number
  /** ends the reading */
  signal: AbortSignal
}

/** Maximum number of frames in a batch, so that little is buffered for a slow reader. */
const maxBatch = 1_000

type StreamParts = ReturnType<typeof createStreamParts>
const streams = new WeakMap<AttemptLog, StreamParts>()

const streamOf = (attemptLog: AttemptLog): StreamParts => {
  const stream = streams.get(attemptLog) ?? createStreamParts(attemptLog)
  streams.set(attemptLog, stream)
  return stream
}

/** The number of frames that the reader has; 0 when its id is another attempt's, or the attempt has ended. */
const lastSeen = (attemptLog: AttemptLog, after = ''): number => {
  const [attempt, n] = after.split('-').map(Number)
  return !attemptLog.fate && attempt === attemptLog.ids.attempt ? (n ?? 0) : 0
}

/** Waits for events, with one timer and one listener for the whole stream. */
const createWait = (attemptLog: AttemptLog, { heartbeatMs, signal }: FrameOptions) => {
  let resolve = () => {}
  let isHeartbeatDue = true
  const wake = () => resolve()
  const unlisten = attemptLog.listen(wake)
  signal.addEventListener('abort', wake, { once: true })
  const timer = setTimeout(() => {
    isHeartbeatDue = true
    wake()
  }, heartbeatMs)
  return {
    /** Resolves when there are more than `seen` events or a heartbeat is due, possibly earlier. */
    async forMore(seen: number): Promise<void> {
      timer.refresh()
      if (attemptLog.events.length > seen || attemptLog.fate || signal.aborted) return
      await new Promise<void>((wake) => {
        resolve = wake
      })
    },
    /** Whether a heartbeat is due: at the start of the response, and after a silence. */
    isHeartbeatDue(): boolean {
      const was = isHeartbeatDue
      isHeartbeatDue = false
      return was
    },
    end(): void {
      unlisten()
      signal.removeEventListener('abort', wake)
      clearTimeout(timer)
    },
  }
}

/**
 * Yields an attempt's frames in batches until its end; an empty batch is a heartbeat. A stream that ends without its final
 * frame was cut, and its reader should reconnect.
 */
export async function* readFrames(
  attemptLog: AttemptLog,
  options: FrameOptions,
): AsyncGenerator<readonly Frame[]> {
  const { after, signal } = options
  const { attempt } = attemptLog.ids
  const stream = streamOf(attemptLog)
  let acknowledged = lastSeen(attemptLog, after)
  let seen = acknowledged
  const toFrames = (events: readonly (StreamEvent | undefined)[]): Frame[] =>
    events.map((event, n) => ({ id: `${attempt}-${seen + n + 1}`, event }))

  const wait = createWait(attemptLog, options)
  try {
    while (!signal.aborted) {
      const finalEvents = attemptLog.fate && stream.finalEvents()
      // The reader has seen events that were lost with their instance. It gets the whole stored turn instead.
      if (finalEvents && acknowledged > stream.liveCount()) {
        acknowledged = 0
        seen = 0
      }
      const events = stream.events()
      const frames = toFrames(events.slice(seen, seen + maxBatch))
      seen += frames.length
      if (seen < events.length) {
        yield frames
        continue
      }
      if (finalEvents) {
        yield finalEvents.length > 0 ? [...frames, ...toFrames([...finalEvents, undefined])] : frames
        return
      }
      const eventCount = attemptLog.events.length
      if (frames.length > 0 || wait.isHeartbeatDue()) yield frames
      await wait.forMore(eventCount)
    }
  } finally {
    wait.end()
  }
}
