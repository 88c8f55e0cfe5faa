import type { ModelError } from './model-error.js'

/** How long a model that failed is left alone, unless its provider says. */
const DEFAULT_MS = 30_000
/** The longest that a provider may ask for, and how long one is left alone that is not served to us. */
const MAX_MS = 5 * 60_000

/** Which models are left alone for a while because they have failed. By their names, so that all chains of an instance share it. */
export interface Cooldowns {
  isResting(model: string): boolean
  /** The model is asked. Once its time is over, the others leave it alone until it is known how this one request went. */
  asked(model: string): void
  failed(model: string, error: ModelError): void
  answered(model: string): void
}

/** `now` is a monotonic clock, in milliseconds. */
export const createCooldowns = (now: () => number = () => performance.now()): Cooldowns => {
  const until = new Map<string, number>()
  const rest = (model: string, ms: number): void => void until.set(model, now() + Math.min(ms, MAX_MS))
  const isResting = (model: string): boolean => now() < (until.get(model) ?? Number.NEGATIVE_INFINITY)
  return {
    isResting,
    asked(model) {
      if (until.has(model) && !isResting(model)) rest(model, DEFAULT_MS)
    },
    failed(model, { isUnavailable, retryAfterMs = DEFAULT_MS }) {
      rest(model, isUnavailable ? MAX_MS : retryAfterMs)
    },
    answered: (model) => void until.delete(model),
  }
}
