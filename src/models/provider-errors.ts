import {
  APICallError,
  InvalidResponseDataError,
  JSONParseError,
  ToolChoiceViolationError,
  TypeValidationError,
} from 'ai'
import { ModelError, type ModelErrorCode } from './model-error.js'
import { readRetryAfter } from './retry-after.js'

/** What the providers' ways to fail have in common, as far as any of them says it. */
interface Failure {
  status: number | undefined
  /** what kind of error it is, in the provider's own codes */
  kinds: string[]
  /** free text, to be searched and never to be shown */
  text: string
  headers: Record<string, string> | undefined
}

interface Described {
  type?: unknown
  code?: unknown
  status?: unknown
  message?: unknown
  error?: unknown
  response?: unknown
}

const isObject = (value: unknown): value is Described => typeof value === 'object' && value !== null

/** The object that names the error: providers wrap it in `error`, in `response`, in both or in none. */
const innermost = (value: unknown): Described => {
  if (!isObject(value)) return { message: value }
  if (isObject(value.response)) return innermost(value.response)
  return isObject(value.error) ? innermost(value.error) : value
}

const parse = (json: string | undefined): unknown => {
  try {
    return JSON.parse(json ?? '')
  } catch {
    return undefined
  }
}

const readFailure = (error: unknown): Failure => {
  const isCall = APICallError.isInstance(error)
  const { type, code, status, message } = innermost(
    isCall ? (error.data ?? parse(error.responseBody)) : error,
  )
  const called = isCall ? error.statusCode : undefined
  // A stream that has begun with 200 says what the status would have been, if anything.
  const said = [status, code].map(Number).find((number) => number >= 400 && number < 600)
  return {
    status: called === undefined || called === 200 ? (said ?? called) : called,
    kinds: [type, code, status].filter((kind) => typeof kind === 'string'),
    text: typeof message === 'string' ? message : '',
    headers: isCall ? error.responseHeaders : undefined,
  }
}

const overloaded = /overloaded|rate.?limit|slow_down|resource_exhausted|quota|too_many_requests/i
const unauthorized = /^(authentication|permission)_error$|invalid_api_key|unauthenticated|permission_denied/i
const filtered = /content.?(filter|policy)/i
const tooLong =
  /context.?(length|window|size)|prompt (is )?too long|input token count|too many (input )?tokens|request_too_large/i

const codeOf = ({ status = 0, kinds, text }: Failure): ModelErrorCode => {
  const is = (pattern: RegExp) => kinds.some((kind) => pattern.test(kind))
  if ([429, 503, 529].includes(status) || is(overloaded)) return 'model-overloaded'
  if ([401, 403].includes(status) || is(unauthorized)) return 'model-unauthorized'
  if (status >= 500) return 'model-failed'
  if (is(filtered)) return 'model-content-filtered'
  if (is(tooLong) || tooLong.test(text)) return 'model-context-exceeded'
  return 'model-failed'
}

/** The system's code of a failed connection, such as ECONNREFUSED. */
const connectionCode = (error: unknown): string | undefined => {
  for (let at = error as { code?: unknown; cause?: unknown } | undefined; at; at = at.cause as typeof at) {
    if (typeof at.code === 'string' && /^(E|UND_ERR_)[A-Z_]+$/.test(at.code)) return at.code
  }
  return undefined
}

const isUnreadable = (error: unknown): boolean =>
  [InvalidResponseDataError, JSONParseError, TypeValidationError].some((kind) => kind.isInstance(error))

/** A word that says what kind of error it is; a sentence, or anything with the look of a key, is none. */
const isWord = (kind: string): boolean => /^[a-z]+([_-][a-z]+)*$/i.test(kind) && kind.length <= 50

/** What became of a request to a provider, in Colloquy's terms. `secret` is never a part of it. */
export const toModelError = (error: unknown, secret: string | undefined): ModelError => {
  if (error instanceof ModelError) return error
  if (ToolChoiceViolationError.isInstance(error)) {
    return new ModelError('model-tool-limit', 'the model called a tool when it had to answer')
  }
  const connection = connectionCode(error)
  if (APICallError.isInstance(error) && error.statusCode === undefined) {
    const message = `the provider could not be reached (${connection ?? 'no connection'})`
    return new ModelError('model-unreachable', message, { isRetryable: true })
  }
  if (isUnreadable(error)) {
    return new ModelError('model-broken-off', 'the provider broke off, or sent what cannot be read', {
      isRetryable: true,
    })
  }
  if (connection || (error instanceof TypeError && error.message === 'terminated')) {
    return new ModelError('model-broken-off', `the connection broke off (${connection ?? 'ended early'})`, {
      isRetryable: true,
    })
  }
  const failure = readFailure(error)
  const code = codeOf(failure)
  const said = failure.kinds.filter((kind) => isWord(kind) && !(secret && kind.includes(secret)))
  return new ModelError(code, `the provider failed (${[failure.status, ...said].join(' ')})`, {
    isRetryable: code === 'model-overloaded' || (failure.status ?? 0) >= 500 || failure.status === 408,
    retryAfterMs: readRetryAfter(failure.headers),
  })
}
