import type { Channel } from './channel.js'
import { createStreamEvents, type StreamEvent } from './stream-events.js'

/** One frame of a stream; without an event, the one that says that the stream is done. */
export interface Frame {
  /** `<attempt>-<n>`, n from 1 on */
  id: string
  event: StreamEvent | undefined
}

export interface FollowOptions {
  /** the id of the last frame that the reader has */
  after?: string | undefined
  /** how long it may be silent */
  heartbeatMs: number
  /** ends the following */
  signal: AbortSignal
}

/** Frames at most in a batch, so that little waits for a slow reader, however much was said meanwhile. */
const maxBatch = 1_000

type StreamEvents = ReturnType<typeof createStreamEvents>
const streams = new WeakMap<Channel, StreamEvents>()

const streamOf = (channel: Channel): StreamEvents => {
  const stream = streams.get(channel) ?? createStreamEvents(channel)
  streams.set(channel, stream)
  return stream
}

/** How many frames the reader has; none when its id is another attempt's, or the events were folded away. */
const seenBy = (channel: Channel, after = ''): number => {
  const [attempt, n] = after.split('-').map(Number)
  return !channel.end && attempt === channel.ids.attempt ? (n ?? 0) : 0
}

/** Waits, for as long as one follows, with one timer and one listener for all events. */
const createWait = (channel: Channel, { heartbeatMs, signal }: FollowOptions) => {
  let resolve = () => {}
  let isSilent = true
  const wake = () => resolve()
  const unlisten = channel.listen(wake)
  signal.addEventListener('abort', wake, { once: true })
  const timer = setTimeout(() => {
    isSilent = true
    wake()
  }, heartbeatMs)
  return {
    /** Until there is more than the first `seen` events, or a sign of life is due, or maybe sooner. */
    async forMore(seen: number): Promise<void> {
      timer.refresh()
      if (channel.events.length > seen || channel.end || signal.aborted) return
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
export async function* follow(channel: Channel, options: FollowOptions): AsyncGenerator<readonly Frame[]> {
  const { after, signal } = options
  const { attempt } = channel.ids
  const stream = streamOf(channel)
  let claimed = seenBy(channel, after)
  let seen = claimed
  const number = (events: readonly (StreamEvent | undefined)[]): Frame[] =>
    events.map((event, n) => ({ id: `${attempt}-${seen + n + 1}`, event }))

  const wait = createWait(channel, options)
  try {
    while (!signal.aborted) {
      const ending = channel.end && stream.ending()
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
      const events = channel.events.length
      if (frames.length > 0 || wait.isSilent()) yield frames
      await wait.forMore(events)
    }
  } finally {
    wait.end()
  }
}
