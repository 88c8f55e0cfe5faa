import { setTimeout as delay } from 'node:timers/promises'

export interface RetryOptions {
  /** whether the error is transient */
  when: (error: unknown) => boolean
  /** gives up, with the last error, this long after the call */
  forMs?: number
  /** gives up after this many retries */
  retries?: number
  firstDelayMs?: number
  maxDelayMs?: number
  /** the pause that an error asks for; gives up when it exceeds `maxDelayMs` */
  retryAfterMs?: (error: unknown) => number | undefined
  /** ends a pause */
  signal?: AbortSignal
}

/** Repeats `work` with exponential backoff until it succeeds, fails permanently or reaches a limit. */
export const retry = async <T>(
  work: () => Promise<T>,
  {
    when,
    forMs = Number.POSITIVE_INFINITY,
    retries = Number.POSITIVE_INFINITY,
    firstDelayMs = 50,
    maxDelayMs = 2_000,
    retryAfterMs = () => undefined,
    signal,
  }: RetryOptions,
): Promise<T> => {
  const end = performance.now() + forMs
  for (let failures = 0; ; failures += 1) {
    try {
      return await work()
    } catch (error) {
      if (!when(error) || failures >= retries) throw error
      const pause = retryAfterMs(error) ?? Math.min(firstDelayMs * 2 ** failures, maxDelayMs)
      if (pause > maxDelayMs || performance.now() + pause > end) throw error
      await delay(pause, undefined, { signal })
    }
  }
}
