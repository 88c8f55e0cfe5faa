import { ColloquyError } from './problem.js'
import { sleep } from './timing.js'

/** A longer Retry-After, in seconds, is reported to the reader instead of waited for. */
const MAX_RETRY_AFTER = 10
/** How long the first connection is retried: with the last attempt, the error is reported within 3 s. */
const FIRST_CONNECTION_MS = 1_000

const isConnectionError = ({ code, status }: ColloquyError) =>
  code === 'unreachable' ||
  code === 'connection-lost' ||
  (code === 'unexpected-answer' && (status === 502 || status === 503 || status === 504))

/** Whether the same request may succeed later. A 502 or 504 without a problem document comes from a proxy. */
const isRetryable = (error: unknown): error is ColloquyError => {
  if (!(error instanceof ColloquyError) || (error.retryAfter ?? 0) > MAX_RETRY_AFTER) return false
  return (
    isConnectionError(error) ||
    (error.problem !== undefined && (error.status === 503 || error.status === 408))
  )
}

/** Decides about retries: `maxFailures` in a row, but only for a second before the first connection. */
export const createRetryPolicy = (maxFailures: number, hasConnected = false) => {
  const startedAt = performance.now()
  let failures = 0
  return {
    connected(): void {
      hasConnected = true
    },
    progressed(): void {
      failures = 0
    },
    /** Waits before the next attempt, or until one of the signals aborts. Throws the error when there is no next attempt. */
    async waitOrThrow(error: unknown, ...signals: (AbortSignal | undefined)[]): Promise<void> {
      failures += 1
      if (!isRetryable(error) || failures > maxFailures) throw error
      const ms = (error.retryAfter ?? 0) * 1000 || Math.min(250 * 2 ** (failures - 1), 4000)
      if (
        !hasConnected &&
        isConnectionError(error) &&
        performance.now() - startedAt + ms > FIRST_CONNECTION_MS
      )
        throw error
      await sleep(ms, ...signals)
    },
  }
}

export type RetryPolicy = ReturnType<typeof createRetryPolicy>

/** Repeats the work until it succeeds or the policy gives up. */
export const retryWith = async <T>(
  policy: RetryPolicy,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> => {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      signal?.throwIfAborted()
      await policy.waitOrThrow(error, signal)
      signal?.throwIfAborted()
    }
  }
}
