import type { components } from '../../generated/closed/contract.js'

export type ModelErrorCode = Extract<components['schemas']['TurnError']['code'], `model-${string}`>

interface ModelErrorOptions {
  /** whether the same request may succeed a moment later */
  isRetryable?: boolean
  /** whether the provider does not serve us this model, whatever it is asked: it was withdrawn, or nobody has paid */
  isUnavailable?: boolean
  /** whether it is the request's temperature that the provider does not take */
  refusesTemperature?: boolean
  /** the pause that the provider asks for */
  retryAfterMs?: number | undefined
}

/**
 * Why a model gave no complete response. The message goes to the log, so it never contains a provider's free text, which may quote
 * the user or the API key.
 */
export class ModelError extends Error {
  readonly code: ModelErrorCode
  readonly isRetryable: boolean
  readonly isUnavailable: boolean
  readonly refusesTemperature: boolean
  readonly retryAfterMs: number | undefined

  constructor(
    code: ModelErrorCode,
    message: string,
    {
      isRetryable = false,
      isUnavailable = code === 'model-unauthorized',
      refusesTemperature = false,
      retryAfterMs,
    }: ModelErrorOptions = {},
  ) {
    super(message)
    this.name = 'ModelError'
    this.code = code
    this.isRetryable = isRetryable
    this.isUnavailable = isUnavailable
    this.refusesTemperature = refusesTemperature
    this.retryAfterMs = retryAfterMs
  }
}

/** Whether a request that failed before its first event is certainly not billed: the provider did not take it. */
export const isUnbilled = (error: unknown): boolean =>
  error instanceof ModelError &&
  (error.isUnavailable ||
    ['model-unreachable', 'model-unauthorized', 'model-overloaded'].includes(error.code))

/** Whether a provider's word is a plain identifier that is safe to log, rather than a sentence or a key. */
export const isLoggable = (word: string, secret: string | undefined): boolean =>
  /^[a-z]+([_-][a-z]+)*$/i.test(word) && word.length <= 50 && !(secret && word.includes(secret))
