import type { components } from '../../generated/contract.js'

export type ModelErrorCode = Extract<components['schemas']['TurnError']['code'], `model-${string}`>

interface ModelErrorOptions {
  /** whether the same request may well succeed in a moment */
  isRetryable?: boolean
  /** how long the provider wants to be left alone */
  retryAfterMs?: number | undefined
}

/**
 * Why a model gave no whole answer. The message is for the log and therefore holds nothing that a provider has written
 * freely: its words may quote the user's text, or the key.
 */
export class ModelError extends Error {
  readonly code: ModelErrorCode
  readonly isRetryable: boolean
  readonly retryAfterMs: number | undefined

  constructor(
    code: ModelErrorCode,
    message: string,
    { isRetryable = false, retryAfterMs }: ModelErrorOptions = {},
  ) {
    super(message)
    this.name = 'ModelError'
    this.code = code
    this.isRetryable = isRetryable
    this.retryAfterMs = retryAfterMs
  }
}
