import { setTimeout as delay } from 'node:timers/promises'

export interface RetryOptions {
  /** whether this error may pass by itself */
  when: (error: unknown) => boolean
  /** gives up, with the last error, when this aborts */
  signal: AbortSignal
  firstDelayMs?: number
  maxDelayMs?: number
}

/** Repeats `work` with doubled pauses until it succeeds, fails for good or the signal aborts. */
export const retry = async <T>(
  work: () => Promise<T>,
  { when, signal, firstDelayMs = 50, maxDelayMs = 2_000 }: RetryOptions,
): Promise<T> => {
  for (let pause = firstDelayMs; ; pause = Math.min(pause * 2, maxDelayMs)) {
    try {
      return await work()
    } catch (error) {
      if (!when(error) || signal.aborted) throw error
      await delay(pause, undefined, { signal }).catch(() => {})
      if (signal.aborted) throw error
    }
  }
}
