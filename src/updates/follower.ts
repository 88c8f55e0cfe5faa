import type { UpdateFrame } from './followed-user.js'

/** More than this is not kept for a slow reader, who reads everything again instead. */
const maxFrames = 1_000

/**
 * One who reads a stream of updates, at their own pace. It has no timer and waits for nothing, since there are many: `look` is called
 * for all of them, every `lookMs`.
 */
export const createFollower = (heartbeatMs: number, lookMs: number) => {
  let first: readonly UpdateFrame[] | undefined
  let waiting: UpdateFrame[] = []
  let isHeartbeatDue = false
  let silentSince = performance.now()
  let endsAt = Number.POSITIVE_INFINITY
  let wake = () => {}

  const end = (): void => {
    endsAt = Number.NEGATIVE_INFINITY
    wake()
  }

  return {
    /** What is told first, whatever becomes of it, and for how long it lasts. */
    begin(frames: readonly UpdateFrame[], maxDurationMs: number): void {
      first = frames
      endsAt = Math.min(endsAt, performance.now() + maxDurationMs)
    },
    attach(reader: () => void): void {
      wake = reader
    },
    /** The next batch; an empty one is a heartbeat. `none`: there is none yet; `end`: it has ended. */
    take(): readonly UpdateFrame[] | 'none' | 'end' {
      const now = performance.now()
      const frames = first ?? (now >= endsAt ? 'end' : waiting)
      if (first) first = undefined
      else waiting = []
      if (frames.length === 0 && !isHeartbeatDue) return 'none'
      isHeartbeatDue = false
      silentSince = now
      return frames
    },
    push(frames: readonly UpdateFrame[]): void {
      const last = frames.at(-1)
      if (waiting.length + frames.length > maxFrames && last)
        waiting = [{ id: last.id, event: { type: 'reset' } }]
      else waiting.push(...frames)
      wake()
    },
    look(now: number): void {
      isHeartbeatDue ||= now - silentSince >= heartbeatMs - lookMs
      if (isHeartbeatDue || now >= endsAt) wake()
    },
    end,
  }
}

export type Follower = ReturnType<typeof createFollower>
