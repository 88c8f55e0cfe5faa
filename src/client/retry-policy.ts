import { ColloquyError } from './problem.js'
import { pause } from './timing.js'

/** The longest Retry-After that is waited for, in seconds; past it the reader gets the error. */
const maxRetryAfter = 10
/** How long a server that has not been reached yet is tried: with the last try, the error is there within 3 s. */
const firstMs = 1_000

const isLost = ({ code, status }: ColloquyError) =>
  code === 'unreachable' ||
  code === 'connection-lost' ||
  (code === 'unexpected-answer' && (status === 502 || status === 503 || status === 504))

/** whether the same request may well succeed a little later; a proxy's 502 and 504 are no problems of ours */
const isRetryable = (error: unknown): error is ColloquyError => {
  if (!(error instanceof ColloquyError) || (error.retryAfter ?? 0) > maxRetryAfter) return false
  return isLost(error) || (error.problem !== undefined && (error.status === 503 || error.status === 408))
}

/** How long a work is tried again: what has begun for `most` failures in a row, what has not for a second. */
export const createRetries = (most: number, hasBegun = false) => {
  const first = performance.now()
  let failures = 0
  return {
    begun(): void {
      hasBegun = true
    },
    progressed(): void {
      failures = 0
    },
    /** Waits until it makes sense to try again, or one of the signals aborts; throws the error when it makes none. */
    async wait(error: unknown, ...signals: (AbortSignal | undefined)[]): Promise<void> {
      failures += 1
      if (!isRetryable(error) || failures > most) throw error
      const ms = (error.retryAfter ?? 0) * 1000 || Math.min(250 * 2 ** (failures - 1), 4000)
      if (!hasBegun && isLost(error) && performance.now() - first + ms > firstMs) throw error
      await pause(ms, ...signals)
    },
  }
}

export type Retries = ReturnType<typeof createRetries>

/** The work's result, tried again as long as it makes sense. */
export const retrying = async <T>(
  retries: Retries,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> => {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      signal?.throwIfAborted()
      await retries.wait(error, signal)
      signal?.throwIfAborted()
    }
  }
}
