import type { components } from '../../generated/contract.js'

export type Problem = components['schemas']['Problem']
export type FieldError = components['schemas']['FieldError']
type TurnError = components['schemas']['TurnError']

/** Error codes of the client; all others come from the contract. */
export type ClientCode =
  /** the server could not be reached, or CORS hides its responses */
  | 'unreachable'
  /** the connection was lost, and the retries did not restore it */
  | 'connection-lost'
  /** the response did not come from Colloquy but, for example, from a proxy */
  | 'unexpected-answer'
  /** there is no token, because nobody is signed in */
  | 'signed-out'
  /** `token` threw, took too long or returned what is no token */
  | 'no-token'
  /** the chat used a feature that Colloquy does not have */
  | 'not-supported'

/**
 * A code of the contract as it is today, or one of the client. A later server may send another, which only a `default` catches: judge it
 * by its `status`. It is left out of the type, which could tell no code apart from it.
 */
export type ErrorCode = components['schemas']['KnownProblemCode'] | ClientCode

interface Details {
  /** the HTTP status; 0 without a response */
  status?: number | undefined
  code: string
  problem?: Problem | undefined
  retryAfter?: number | undefined
  /** the turn that the error is about */
  turn?: { turn_id?: string | undefined; conversation_id?: string | undefined } | undefined
  request_id?: string | undefined
  cause?: unknown
}

class BaseError extends Error {
  override readonly name = 'ColloquyError'
  /** such as `turn-in-progress`, `model-failed` or `unreachable` */
  readonly code: ErrorCode
  /** the HTTP status; 0 without a response */
  readonly status: number
  /** names the request in the server's log; undefined without a response of Colloquy's */
  readonly request_id: string | undefined
  readonly turn_id: string | undefined
  readonly conversation_id: string | undefined
  /** what is wrong with the request, and where; empty unless the code is `validation-failed` */
  readonly errors: readonly FieldError[]
  /** the limit that was reached, with `rate-limited` and `budget-exceeded` */
  readonly limit: Problem['limit']
  /** in how many seconds the server wants to be asked again */
  readonly retryAfter: number | undefined
  /** the problem document, if the server sent one */
  readonly problem: Problem | undefined

  constructor(message: string, { status = 0, code, problem, retryAfter, turn, request_id, cause }: Details) {
    super(message, { cause })
    this.status = status
    this.code = code as ErrorCode
    this.problem = problem
    this.retryAfter = retryAfter
    this.request_id = problem?.request_id ?? request_id
    this.turn_id = problem?.turn_id ?? turn?.turn_id
    this.conversation_id = problem?.conversation_id ?? turn?.conversation_id
    this.errors = problem?.errors ?? []
    this.limit = problem?.limit
  }
}

/** What is known of an error with one of these codes. */
interface Specifics {
  'validation-failed': { readonly status: 422; readonly problem: Problem }
  'rate-limited': { readonly status: 429; readonly problem: Problem }
  'budget-exceeded': { readonly status: 429; readonly problem: Problem }
  unreachable: { readonly status: 0; readonly problem: undefined }
  'connection-lost': { readonly problem: undefined }
  'signed-out': { readonly status: 0; readonly problem: undefined }
}

type ErrorWith<Code> = Code extends ErrorCode
  ? Omit<BaseError, 'code'> & { readonly code: Code } & (Code extends keyof Specifics
        ? Specifics[Code]
        : unknown)
  : never

/**
 * The error of every failure: a problem from the server (RFC 9457), a failed turn or a lost connection. A `switch` over its `code`
 * narrows it. An abort is no ColloquyError: what was aborted rejects with its signal's reason.
 */
export type ColloquyError = ErrorWith<ErrorCode>

export const ColloquyError = BaseError as unknown as {
  new (message: string, details: Details): ColloquyError
  readonly prototype: ColloquyError
}

export const notSupported = (message: string) => new ColloquyError(message, { code: 'not-supported' })

export const connectionLost = (message: string, cause?: unknown) =>
  new ColloquyError(message, { code: 'connection-lost', cause })

export const errorMessage = (error: unknown) => (error instanceof Error ? error.message : String(error))

const turnFailureStatus: Record<string, number> = {
  'turn-not-found': 404,
  'model-overloaded': 503,
  'turn-interrupted': 503,
  'model-timeout': 504,
}

/** Converts a turn's error in a stream, with the status that the same problem has over HTTP. */
export const turnFailure = ({ code, detail }: TurnError, turn?: Details['turn']) =>
  new ColloquyError(detail, { code, status: turnFailureStatus[code] ?? 502, turn })

/** The seconds of a Retry-After (RFC 9110, section 10.2.3), which may be a date. */
export const retryAfterOf = (headers: Headers): number | undefined => {
  const text = headers.get('retry-after')?.trim() ?? ''
  if (/^\d+$/.test(text)) return Number(text)
  const at = Date.parse(text)
  if (Number.isNaN(at)) return undefined
  // By the server's clock, where it can be read.
  const now = Date.parse(headers.get('date') ?? '') || Date.now()
  return Math.max(0, Math.ceil((at - now) / 1000))
}

export const unexpectedAnswer = ({ status, url, headers }: Response, cause?: unknown) =>
  new ColloquyError(
    `${url || 'The server'} answered ${status} with ${headers.get('content-type') ?? 'no content type'}, ` +
      'which is not a response of Colloquy. Check the `url` option and any proxy in front of the server.',
    { code: 'unexpected-answer', status, retryAfter: retryAfterOf(headers), cause },
  )

const hasType = ({ headers }: Response, type: string) =>
  headers.get('content-type')?.startsWith(type) ?? false

export const ANY_TYPE = '*/*'

/** Returns a successful response of the media type; throws ColloquyError for any other. */
export const checkResponse = async (response: Response, type: string): Promise<Response> => {
  const { ok, status, headers } = response
  if (ok && (status === 204 || type === ANY_TYPE || hasType(response, type))) return response
  if (ok) throw unexpectedAnswer(response)
  const body: unknown = await response.json().catch(() => undefined)
  const problem = body as Problem | undefined
  if (typeof problem?.code !== 'string' || typeof problem.detail !== 'string')
    throw unexpectedAnswer(response)
  const request_id = headers.get('x-request-id') ?? undefined
  const { code, detail } = problem
  throw new ColloquyError(detail, { status, code, problem, retryAfter: retryAfterOf(headers), request_id })
}
