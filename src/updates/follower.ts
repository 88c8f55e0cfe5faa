import type { UpdateFrame } from './followed-user.js'

/** More than this is not kept for a slow reader, who reads everything again instead. */
const maxFrames = 1_000

/** A timer for longer would be due at once. */
const maxTimerMs = 2 ** 31 - 1

/** One who reads a stream of updates, at their own pace. */
export const createFollower = (heartbeatMs: number) => {
  let waiting: UpdateFrame[] = []
  let hasEnded = false
  let wake = () => {}

  const end = (): void => {
    hasEnded = true
    wake()
  }

  async function* read(
    first: readonly UpdateFrame[],
    maxDurationMs: number,
  ): AsyncGenerator<readonly UpdateFrame[]> {
    const timer = setTimeout(() => wake(), heartbeatMs)
    const ending = setTimeout(end, Math.min(maxDurationMs, maxTimerMs))
    try {
      yield first
      while (!hasEnded) {
        timer.refresh()
        if (waiting.length === 0) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
        if (hasEnded) return
        const frames = waiting
        waiting = []
        yield frames
      }
    } finally {
      clearTimeout(timer)
      clearTimeout(ending)
    }
  }

  return {
    read,
    push(frames: readonly UpdateFrame[]): void {
      const last = frames.at(-1)
      if (waiting.length + frames.length > maxFrames && last)
        waiting = [{ id: last.id, event: { type: 'reset' } }]
      else waiting.push(...frames)
      wake()
    },
    end,
  }
}

export type Follower = ReturnType<typeof createFollower>
