import { setTimeout as delay } from 'node:timers/promises'

interface RetryOptions {
  /** whether the error is transient */
  when: (error: unknown) => boolean
  /** rejects with the last error when the time is over */
  forMs: number
  firstDelayMs?: number
  maxDelayMs?: number
}

/** Retries `work` with exponential backoff until it succeeds, fails permanently or the time is over. */
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
