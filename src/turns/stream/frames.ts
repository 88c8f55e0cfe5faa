import type { AttemptLog } from '../attempts/attempt-log.js'
import { createStreamParts, type StreamEvent } from './ui-message-stream.js'

/** One frame of a stream; without an event, the one that says that the stream is done. */
export interface Frame {
  /** `<attempt>-<n>`, n from 1 on */
  id: string
  event: StreamEvent | undefined
}

export interface FrameOptions {
  /** the id of the last frame that the reader has */
  after?: string | undefined
  /** how long it may be silent */
  heartbeatMs: number
  /** ends the reading */
  signal: AbortSignal
}

/** Frames at most in a batch, so that little waits for a slow reader, however much was said meanwhile. */
const maxBatch = 1_000

type StreamParts = ReturnType<typeof createStreamParts>
const streams = new WeakMap<AttemptLog, StreamParts>()

const streamOf = (attemptLog: AttemptLog): StreamParts => {
  const stream = streams.get(attemptLog) ?? createStreamParts(attemptLog)
  streams.set(attemptLog, stream)
  return stream
}

/** How many frames the reader has; none when its id is another attempt's, or the events were folded away. */
const lastSeen = (attemptLog: AttemptLog, after = ''): number => {
  const [attempt, n] = after.split('-').map(Number)
  return !attemptLog.fate && attempt === attemptLog.ids.attempt ? (n ?? 0) : 0
}

/** Waits, for as long as one follows, with one timer and one listener for all events. */
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
    /** Until there is more than the first `seen` events, or a sign of life is due, or maybe sooner. */
    async forMore(seen: number): Promise<void> {
      timer.refresh()
      if (attemptLog.events.length > seen || attemptLog.fate || signal.aborted) return
      await new Promise<void>((wake) => {
        resolve = wake
      })
    },
    /** Whether a sign of life is due: at first, since the response begins, and after a silence. */
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
 * The frames of an attempt, as many as there are at a time, to its end; an empty batch is a sign of life. A stream that
 * ends without its last frame was cut, and its reader should come back.
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
      // A reader may have seen what was lost with the instance that said it. It waits for the end, and gets all of that.
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
