import { retry } from '../concurrency/retry.js'
import { beginResponse } from './begin-response.js'
import type { Model } from './model.js'
import { ModelError } from './model-error.js'

export interface RetryLimits {
  retries: number
  /** the pause before the first retry; it doubles with each further one */
  firstDelayMs: number
  /** the longest pause that a provider may ask for; a longer one fails at once */
  maxDelayMs: number
}

const defaultRetryLimits: RetryLimits = { retries: 2, firstDelayMs: 500, maxDelayMs: 10_000 }

/** Retries a model's transient failures until its first event: what readers have seen cannot be taken back. */
export const withRetries = (model: Model, limits: RetryLimits = defaultRetryLimits): Model => ({
  ...model,
  async *run(request) {
    const { signal, mayRetry = true } = request
    const response = await retry(() => beginResponse(model, request), {
      ...limits,
      when: (error) => mayRetry && error instanceof ModelError && error.isRetryable && !signal.aborted,
      retryAfterMs: (error) => (error instanceof ModelError ? error.retryAfterMs : undefined),
      signal,
    })
    yield* response.events()
  },
})
