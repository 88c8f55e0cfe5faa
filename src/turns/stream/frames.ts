import type { AttemptLog } from '../attempts/attempt-log.js'
import { createStreamParts, type StreamEvent } from './ui-message-stream.js'

/** One frame of a stream. Without an event it is the final `[DONE]`. */
export interface Frame {
  /** `<attempt>-<n>`, n starting at 1 */
  id: string
  event: StreamEvent | undefined
}

export interface FrameOptions {
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
  let isSilent = true
  const wake = () => resolve()
  const unlisten = attemptLog.listen(wake)
  signal.addEventListener('abort', wake, { once: true })
  const timer = setTimeout(() => {
    isSilent = true
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
    isSilent(): boolean {
      const was = isSilent
      isSilent = false
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
  let claimed = lastSeen(attemptLog, after)
  let seen = claimed
  const number = (events: readonly (StreamEvent | undefined)[]): Frame[] =>
    events.map((event, n) => ({ id: `${attempt}-${seen + n + 1}`, event }))

  const wait = createWait(attemptLog, options)
  try {
    while (!signal.aborted) {
      const ending = attemptLog.fate && stream.ending()
      // The reader has seen events that were lost with their instance. It gets the whole stored turn instead.
      if (ending && claimed > stream.kept()) {
        claimed = 0
        seen = 0
      }
      const said = stream.said()
      const frames = number(said.slice(seen, seen + maxBatch))
      seen += frames.length
      if (seen < said.length) {
        yield frames
        continue
      }
      if (ending) {
        yield ending.length > 0 ? [...frames, ...number([...ending, undefined])] : frames
        return
      }
      const events = attemptLog.events.length
      if (frames.length > 0 || wait.isSilent()) yield frames
      await wait.forMore(events)
    }
  } finally {
    wait.end()
  }
}
