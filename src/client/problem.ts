import type { components } from '../../generated/contract.js'

export type Problem = components['schemas']['Problem']
type TurnError = components['schemas']['TurnError']

/** Error codes of the client; all others come from the contract. */
export type ClientCode =
  /** the server could not be reached, or CORS hides its responses */
  | 'unreachable'
  /** the connection was lost, and the retries did not restore it */
  | 'connection-lost'
  /** the response did not come from Colloquy but, for example, from a proxy */
  | 'unexpected-answer'
  /** `token` threw or returned no token */
  | 'no-token'
  /** the chat used a feature that Colloquy does not have */
  | 'not-supported'

/** A code of the contract as it is today, one of the client, or one of a later server. */
export type ErrorCode = components['schemas']['KnownProblemCode'] | ClientCode | (string & {})

interface Details {
  /** the HTTP status; 0 without a response */
  status?: number | undefined
  code: ErrorCode
  problem?: Problem | undefined
  retryAfter?: number | undefined
  cause?: unknown
}

/** The error of every failure: a problem from the server (RFC 9457), a failed turn or a lost connection. */
export class ColloquyError extends Error {
  override readonly name = 'ColloquyError'
  /** the HTTP status; 0 without a response */
  readonly status: number
  /** such as `turn-in-progress`, `model-failed` or `unreachable` */
  readonly code: ErrorCode
  /** the problem document, if the server sent one */
  readonly problem: Problem | undefined
  /** the server's Retry-After, in seconds */
  readonly retryAfter: number | undefined

  constructor(message: string, { status = 0, code, problem, retryAfter, cause }: Details) {
    super(message, { cause })
    this.status = status
    this.code = code
    this.problem = problem
    this.retryAfter = retryAfter
  }
}

export const notSupported = (message: string) => new ColloquyError(message, { code: 'not-supported' })

const turnFailureStatus: Partial<Record<TurnError['code'], number>> = {
  'turn-not-found': 404,
  'model-overloaded': 503,
  'turn-interrupted': 503,
  'model-timeout': 504,
}

/** Converts a turn's error in a stream, with the status that the same problem has over HTTP. */
export const turnFailure = ({ code, detail }: TurnError) =>
  new ColloquyError(detail, { code, status: turnFailureStatus[code] ?? 502 })

const unexpectedAnswer = ({ status, url, headers }: Response, cause?: unknown) =>
  new ColloquyError(
    `${url || 'The server'} answered ${status} with ${headers.get('content-type') ?? 'no content type'}, ` +
      'which is not a response of Colloquy. Check the `url` option and any proxy in front of the server.',
    { code: 'unexpected-answer', status, retryAfter: retryAfterOf(headers), cause },
  )

const retryAfterOf = (headers: Headers): number | undefined => {
  const seconds = Number.parseInt(headers.get('retry-after') ?? '', 10)
  return Number.isNaN(seconds) ? undefined : seconds
}

const hasType = ({ headers }: Response, type: string) =>
  headers.get('content-type')?.startsWith(type) ?? false

/** Returns a successful response of the media type; throws ColloquyError for any other. */
export const checkResponse = async (response: Response, type: string): Promise<Response> => {
  const { ok, status, headers } = response
  if (ok && (status === 204 || hasType(response, type))) return response
  if (ok) {
    void response.body?.cancel().catch(() => {})
    throw unexpectedAnswer(response)
  }
  const body: unknown = await response.json().catch(() => undefined)
  const problem = body as Problem | undefined
  if (typeof problem?.code !== 'string' || typeof problem.detail !== 'string')
    throw unexpectedAnswer(response)
  throw new ColloquyError(problem.detail, {
    status,
    code: problem.code,
    problem,
    retryAfter: retryAfterOf(headers),
  })
}
