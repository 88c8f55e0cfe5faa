import { retry } from '../concurrency/retry.js'
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
    const { signal } = request
    const begin = async () => {
      const events = model.run(request)[Symbol.asyncIterator]()
      return { events, first: await events.next() }
    }
    const { events, first } = await retry(begin, {
      ...limits,
      when: (error) => error instanceof ModelError && error.isRetryable && !signal.aborted,
      retryAfterMs: (error) => (error instanceof ModelError ? error.retryAfterMs : undefined),
      signal,
    })
    try {
      for (let next = first; !next.done; next = await events.next()) yield next.value
    } finally {
      await events.return?.()
    }
  },
})
