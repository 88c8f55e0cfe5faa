import {
  APICallError,
  InvalidResponseDataError,
  JSONParseError,
  ToolChoiceViolationError,
  TypeValidationError,
} from 'ai'
import { ModelError, type ModelErrorCode } from './model-error.js'
import { readRetryAfter } from './retry-after.js'

/** A provider's error, reduced to what providers have in common. */
interface ProviderError {
  status: number | undefined
  /** the provider's own codes for the kind of error */
  codes: string[]
  /** free text; matched, but never logged */
  text: string
  headers: Record<string, string> | undefined
}

interface ErrorBody {
  type?: unknown
  code?: unknown
  status?: unknown
  message?: unknown
  error?: unknown
  response?: unknown
}

const isObject = (value: unknown): value is ErrorBody => typeof value === 'object' && value !== null

/** Finds the error object, which providers wrap in `error`, in `response`, in both or in neither. */
const unwrap = (value: unknown): ErrorBody => {
  if (!isObject(value)) return { message: value }
  if (isObject(value.response)) return unwrap(value.response)
  return isObject(value.error) ? unwrap(value.error) : value
}

const parseJson = (json: string | undefined): unknown => {
  try {
    return JSON.parse(json ?? '')
  } catch {
    return undefined
  }
}

const readProviderError = (error: unknown): ProviderError => {
  const isCall = APICallError.isInstance(error)
  const { type, code, status, message } = unwrap(
    isCall ? (error.data ?? parseJson(error.responseBody)) : error,
  )
  const httpStatus = isCall ? error.statusCode : undefined
  // After a stream has begun with 200, the body may give the actual status.
  const bodyStatus = [status, code].map(Number).find((number) => number >= 400 && number < 600)
  return {
    status: httpStatus === undefined || httpStatus === 200 ? (bodyStatus ?? httpStatus) : httpStatus,
    codes: [type, code, status].filter((value) => typeof value === 'string'),
    text: typeof message === 'string' ? message : '',
    headers: isCall ? error.responseHeaders : undefined,
  }
}

const overloaded = /overloaded|rate.?limit|slow_down|resource_exhausted|quota|too_many_requests/i
const unauthorized = /^(authentication|permission)_error$|invalid_api_key|unauthenticated|permission_denied/i
const filtered = /content.?(filter|policy)/i
const tooLong =
  /context.?(length|window|size)|prompt (is )?too long|input token count|too many (input )?tokens|request_too_large/i

const classify = ({ status = 0, codes, text }: ProviderError): ModelErrorCode => {
  const is = (pattern: RegExp) => codes.some((code) => pattern.test(code))
  if ([429, 503, 529].includes(status) || is(overloaded)) return 'model-overloaded'
  if ([401, 403].includes(status) || is(unauthorized)) return 'model-unauthorized'
  if (status >= 500) return 'model-failed'
  if (is(filtered)) return 'model-content-filtered'
  if (is(tooLong) || tooLong.test(text)) return 'model-context-exceeded'
  return 'model-failed'
}

/** The error code of a failed connection, such as ECONNREFUSED. */
const networkErrorCode = (error: unknown): string | undefined => {
  for (let at = error as { code?: unknown; cause?: unknown } | undefined; at; at = at.cause as typeof at) {
    if (typeof at.code === 'string' && /^(E|UND_ERR_)[A-Z_]+$/.test(at.code)) return at.code
  }
  return undefined
}

const isInvalidResponse = (error: unknown): boolean =>
  [InvalidResponseDataError, JSONParseError, TypeValidationError].some((kind) => kind.isInstance(error))

/** Whether a code is a plain identifier that is safe to log, rather than a sentence or a key. */
const isIdentifier = (code: string): boolean => /^[a-z]+([_-][a-z]+)*$/i.test(code) && code.length <= 50

/** Converts any error of a request to a provider. The result never contains `secret`. */
export const toModelError = (error: unknown, secret: string | undefined): ModelError => {
  if (error instanceof ModelError) return error
  if (ToolChoiceViolationError.isInstance(error)) {
    return new ModelError('model-tool-limit', 'the model called a tool although it had to answer')
  }
  const connection = networkErrorCode(error)
  if (APICallError.isInstance(error) && error.statusCode === undefined) {
    const message = `the provider could not be reached (${connection ?? 'no connection'})`
    return new ModelError('model-unreachable', message, { isRetryable: true })
  }
  if (isInvalidResponse(error)) {
    return new ModelError('model-broken-off', 'the provider sent an incomplete or invalid response', {
      isRetryable: true,
    })
  }
  if (connection || (error instanceof TypeError && error.message === 'terminated')) {
    return new ModelError('model-broken-off', `the connection was lost (${connection ?? 'ended early'})`, {
      isRetryable: true,
    })
  }
  const failure = readProviderError(error)
  const code = classify(failure)
  const codes = failure.codes.filter((value) => isIdentifier(value) && !(secret && value.includes(secret)))
  return new ModelError(code, `the provider failed (${[failure.status, ...codes].join(' ')})`, {
    isRetryable: code === 'model-overloaded' || (failure.status ?? 0) >= 500 || failure.status === 408,
    retryAfterMs: readRetryAfter(failure.headers),
  })
}
