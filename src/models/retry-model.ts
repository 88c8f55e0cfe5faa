import { setTimeout as delay } from 'node:timers/promises'
import type { Model } from './model.js'
import { ModelError } from './model-error.js'

export interface RetryLimits {
  /** how often a model is asked again */
  retries: number
  /** the pause before the first time; it doubles from then on */
  firstDelayMs: number
  /** the longest pause that a provider may ask for; when it wants a longer one, nobody waits */
  maxDelayMs: number
}

export const defaultRetryLimits: RetryLimits = { retries: 2, firstDelayMs: 500, maxDelayMs: 10_000 }

/** The same model, asked again when it fails in a way that may pass, as long as nobody has seen anything of it. */
export const retryModel = (model: Model, limits: RetryLimits = defaultRetryLimits): Model => ({
  ...model,
  async *run(request) {
    for (let failures = 0; ; failures += 1) {
      let isSeen = false
      try {
        for await (const event of model.run(request)) {
          isSeen = true
          yield event
        }
        return
      } catch (error) {
        const isRetryable = error instanceof ModelError && error.isRetryable && !request.signal.aborted
        if (isSeen || !isRetryable || failures >= limits.retries) throw error
        const pause = error.retryAfterMs ?? limits.firstDelayMs * 2 ** failures
        if (pause > limits.maxDelayMs) throw error
        await delay(pause, undefined, { signal: request.signal })
      }
    }
  },
})
