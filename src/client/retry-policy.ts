import { ColloquyError } from './problem.js'
import { sleep } from './timing.js'

/** A longer Retry-After, in seconds, is reported to the reader instead of waited for. */
const MAX_RETRY_AFTER = 10
/** How long the first connection is retried: with the last attempt, the error is reported within 3 s. */
const FIRST_CONNECTION_MS = 1_000
/** The longest time between two attempts of which the server has not said when it wants them. */
const MAX_BACKOFF_MS = 4_000

/** What the server has refused before it did anything, so that everything may be sent again. */
const isRefused = ({ status }: ColloquyError) => status === 408 || status === 429

const isConnectionError = ({ code, status }: ColloquyError) =>
  code === 'unreachable' ||
  code === 'connection-lost' ||
  (code === 'unexpected-answer' && (status === 502 || status === 503 || status === 504))

/** Whether a request that may be repeated may succeed later. A 502 or 504 without a problem document comes from a proxy. */
const mayPass = (error: ColloquyError): boolean =>
  isConnectionError(error) ||
  error.code === 'turn-in-progress' ||
  error.code === 'idempotency-key-in-use' ||
  (error.problem !== undefined && error.status === 503)

export interface RetryOptions {
  /** how many failures in a row are retried */
  retries: number
  /** whether a connection has succeeded already; else an unreachable server is reported soon */
  hasConnected?: boolean
  /** whether doing the work twice is the same as doing it once */
  isRepeatable?: boolean
}

/** Decides about retries: a number of failures in a row, but only for a second before the first connection. */
export const createRetryPolicy = ({ retries, hasConnected = false, isRepeatable = true }: RetryOptions) => {
  const startedAt = performance.now()
  let failures = 0
  const isRetryable = (error: unknown): error is ColloquyError =>
    error instanceof ColloquyError &&
    (error.retryAfter ?? 0) <= MAX_RETRY_AFTER &&
    (isRefused(error) || (isRepeatable && mayPass(error)))
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
      if (!isRetryable(error) || failures > retries) throw error
      // Of many clients that a server has lost, not all come back in the same moment.
      const backoff = Math.min(250 * 2 ** (failures - 1), MAX_BACKOFF_MS) * (0.75 + Math.random() / 4)
      const ms = (error.retryAfter ?? 0) * 1000 || backoff
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
