import { setTimeout as delay } from 'node:timers/promises'

export interface RetryOptions {
  /** whether this error may pass by itself */
  when: (error: unknown) => boolean
  /** gives up, with the last error, this long after the call */
  forMs: number
  firstDelayMs?: number
  maxDelayMs?: number
}

/** Repeats `work` with doubled pauses until it succeeds, fails for good or the time is over. */
export const retry = async <T>(
  work: () => Promise<T>,
  { when, forMs, firstDelayMs = 50, maxDelayMs = 2_000 }: RetryOptions,
): Promise<T> => {
  const end = performance.now() + forMs
  for (let pause = firstDelayMs; ; pause = Math.min(pause * 2, maxDelayMs)) {
    try {
      return await work()
    } catch (error) {
      if (!when(error) || performance.now() + pause > end) throw error
      await delay(pause)
    }
  }
}
