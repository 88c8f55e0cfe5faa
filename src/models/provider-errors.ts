import {
  APICallError,
  InvalidResponseDataError,
  JSONParseError,
  ToolChoiceViolationError,
  TypeValidationError,
} from 'ai'
import { isLoggable, ModelError, type ModelErrorCode } from './model-error.js'
import { readRetryAfter } from './retry-after.js'
import { type ErrorBody, readErrorBody } from './wire/error-body.js'
import { readErrorEvent } from './wire/stream-error.js'

/** What a provider answered with its error. */
interface Refusal {
  /** the response's status; 200 when the error came in a stream */
  status: number
  headers?: Record<string, string>
  /** JSON or text, in whatever shape */
  body: unknown
  /** the API key, which must not appear in an error */
  secret: string | undefined
}

/** A kind of error, in the words of providers' codes and of their texts. */
interface Kind {
  code: ModelErrorCode
  statuses?: number[]
  codes: RegExp
  texts?: RegExp
}

/** In this order: a rate limit may speak of tokens, and a prompt that is too long of a limit. */
const kinds: readonly Kind[] = [
  {
    code: 'model-overloaded',
    // 498 is Groq's, 420 that of a few gateways.
    statuses: [429, 503, 529, 498, 420],
    codes:
      /overload|rate.?limit|slow_?down|resource_?exhausted|quota|too_?many_?requests|throttl|capacity_exceeded|^limit_|^unavailable$|service_?unavailable/i,
    texts:
      /rate.?(limit|exceeded)|too many requests|throttl|overloaded|(at|over|exceeded) capacity|(server|system|service|model|engine) (is )?(currently |too )?busy|quota exceeded|exceeded .{0,30}quota|concurren\w* (request|limit|exceeded)|(requests?|tpm|rpm) limit reached/i,
  },
  {
    code: 'model-content-filtered',
    codes:
      /content.?(filter|policy)|moderation|guardrail|data_?inspection_?failed|sensitive|responsible_?ai|policy_?violation/i,
    texts:
      /content.?(filter|policy|management policy|exists risk)|moderation|flagged as|was flagged|inappropriate content|safety system|usage polic|high risk/i,
  },
  {
    code: 'model-unauthorized',
    statuses: [401],
    codes:
      /^(authentication|permission|auth)_?error$|authentication_?error|invalid_?(api_?)?key|invalid_?access_?key|api_key_invalid|unauthenticated|unauthori[sz]ed|permission_denied|access_?denied|forbidden|unrecognized_?client/i,
    texts:
      /(invalid|incorrect|missing|wrong|expired|malformed|no) (\S+ )?api.?key|api.?key\S* .{0,30}(not valid|invalid|incorrect|missing|required|expired|wrong)|unauthori[sz]ed|authentication (fails|failed|failure|error|required)|log ?in fail|security token .{0,30}(invalid|expired)|^token (has )?expired|not authenticated|invalid (authentication|authorization|bearer|access token)|invalid token\W*($|\(request)|(no|missing|invalid|bad) .{0,15}credentials|provide an api.?key|^forbidden|permission denied/i,
  },
  {
    code: 'model-context-exceeded',
    statuses: [413],
    codes:
      /context.?(length|window|size|limit)|request_?too_?large|(prompt|input|request|string)_too_long|above_max_length|(prompt_tokens|sequence_length)_exceeded|tokens_(limit|exceeded)/i,
    texts:
      /context.?(length|window|size|limit)|(prompt|input|message|messages|request|conversation) (is |are )?too (long|large)|input token count|too many (input |prompt )?tokens|request_too_large|(maximum|max) (prompt|input|context) length|input length|prompt exceeds|token limit|token count .{0,30}exceeds|reduce the length|tokens`? must be <=|inputs must have less than \d+ tokens|string too long/i,
  },
]

const classify = (status: number, { statuses, codes, text }: ErrorBody): ModelErrorCode => {
  const all = [status, ...statuses]
  const byStatus = kinds.find((kind) => kind.statuses?.some((known) => all.includes(known)))
  const byCode = kinds.find((kind) => codes.some((code) => kind.codes.test(code)))
  // A status that names the kind is the most precise, then a code.
  const byText = kinds.find((kind) => kind.texts?.test(text))
  const kind = byStatus ?? byCode ?? byText
  // 403 says why only where the body does not: it may be a filter's, too.
  return kind?.code ?? (all.includes(403) ? 'model-unauthorized' : 'model-failed')
}

/** Codes of an error that may pass, where no status says so. */
const transient = /server_?error|^internal|api_error|time_?d?_?out|deadline|^unknown$|try_again/i

/** A model that is not served to us: unknown, or not paid for. */
const unavailable = {
  // 451: not in this country.
  statuses: [402, 404, 410, 451],
  codes:
    /model_?(not_?(found|exist|available|supported)|decommissioned|deprecated|retired|terminated)|(invalid|unknown|unsupported|no_such)_?model|insufficient_?(balance|credit|fund)|payment_?required|billing/i,
  texts:
    /credit balance|insufficient (account )?(balance|credit|fund)|payment required|(more|out of|not enough) credits|model\b.{0,80} (does not exist|not found|was not found|no longer (available|supported)|(is|was|has been) (deprecated|decommissioned|retired|withdrawn))|model\W{1,3}[\w./:-]+\W{1,3}is not supported|(invalid|unknown|no such|unsupported) model\b(?! (param|arg|type|input|output))|not a valid model/i,
}
/** Such as a lock that another request holds, a connection that a proxy gave up, or one that came too early. */
const passing = [408, 409, 425, 499]

/** Such as "Unsupported value: 'temperature' does not support 0.3 with this model", where the request is what is wrong. */
const isAboutTemperature = (status: number | undefined, { text }: ErrorBody): boolean =>
  (status === undefined || status === 400 || status === 422) && /\btemperature\b/i.test(text)

const isUnavailable = (status: number | undefined, { codes, text }: ErrorBody): boolean =>
  unavailable.statuses.includes(status ?? 0) ||
  codes.some((code) => unavailable.codes.test(code)) ||
  unavailable.texts.test(text)

/** Converts a provider's error, of a response or in a stream. The result never contains the secret. */
export const toProviderError = ({ status, headers, body, secret }: Refusal): ModelError => {
  const error = readErrorBody(body)
  const code = classify(status, error)
  // After a stream has begun with 200, the body may give the actual status.
  const actual = status === 200 ? error.statuses[0] : status
  const named = error.codes.filter((word) => isLoggable(word, secret))
  const isPassing =
    actual === undefined
      ? error.codes.some((word) => transient.test(word))
      : actual >= 500 || passing.includes(actual)
  return new ModelError(code, `the provider failed (${[actual ?? status, ...named].join(' ')})`, {
    isUnavailable: code === 'model-unauthorized' || (code === 'model-failed' && isUnavailable(actual, error)),
    isRetryable: code === 'model-overloaded' || (code === 'model-failed' && isPassing),
    refusesTemperature: code === 'model-failed' && isAboutTemperature(actual, error),
    retryAfterMs: readRetryAfter(headers) ?? error.retryAfterMs,
  })
}

interface Cause {
  code?: unknown
  cause?: unknown
}

/** The errors that led to this one, itself included. */
function* chainOf(error: unknown): Generator<Cause> {
  const seen = new Set<unknown>()
  for (let at = error; typeof at === 'object' && at !== null && !seen.has(at); at = (at as Cause).cause) {
    seen.add(at)
    yield at as Cause
  }
}

/** The error code of a failed connection, such as ECONNREFUSED or CERT_HAS_EXPIRED. */
const networkErrorCode = (error: unknown): string | undefined => {
  for (const { code } of chainOf(error)) {
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(code) && code !== 'ABORT_ERR') return code
  }
  return undefined
}

const isInvalidResponse = (error: unknown): boolean =>
  [InvalidResponseDataError, JSONParseError, TypeValidationError].some((kind) => kind.isInstance(error))

const isTerminated = (error: unknown): boolean =>
  [...chainOf(error)].some((cause) => cause instanceof TypeError && cause.message === 'terminated')

/** Converts any error of a request to a provider. The result never contains `secret`. */
export const toModelError = (error: unknown, secret: string | undefined): ModelError => {
  for (const cause of chainOf(error)) if (cause instanceof ModelError) return cause
  if (ToolChoiceViolationError.isInstance(error)) {
    return new ModelError('model-tool-limit', 'the model called a tool although it had to answer')
  }
  const connection = networkErrorCode(error)
  if (APICallError.isInstance(error) && error.statusCode === undefined) {
    const message = `the provider could not be reached (${connection ?? 'no connection'})`
    return new ModelError('model-unreachable', message, { isRetryable: true })
  }
  const inStream = JSONParseError.isInstance(error) ? readErrorEvent(error.text) : undefined
  if (inStream !== undefined) return toProviderError({ status: 200, body: inStream, secret })
  if (isInvalidResponse(error)) {
    return new ModelError('model-broken-off', 'the provider sent an incomplete or invalid response', {
      isRetryable: true,
    })
  }
  if (connection || isTerminated(error)) {
    return new ModelError('model-broken-off', `the connection was lost (${connection ?? 'ended early'})`, {
      isRetryable: true,
    })
  }
  return new ModelError('model-failed', 'the provider failed')
}
