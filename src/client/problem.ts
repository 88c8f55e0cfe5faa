import type { components } from '../../generated/contract.js'

export type Problem = components['schemas']['Problem']
type StreamError = components['schemas']['StreamError']

/** What goes wrong on the client's side; all other codes are the contract's. */
export type ClientCode =
  /** the server could not be reached, or the browser may not read its answers */
  | 'unreachable'
  /** a stream was cut, and could not be resumed within the retries */
  | 'connection-lost'
  /** something else answered in the server's place, such as a proxy */
  | 'unexpected-answer'
  /** `token` threw, or gave no token */
  | 'no-token'
  /** the chat asked for something that Colloquy does not do */
  | 'not-supported'

interface Details {
  /** the HTTP status; 0 when there was no answer */
  status?: number | undefined
  code: Problem['code'] | ClientCode
  problem?: Problem | undefined
  retryAfter?: number | undefined
  cause?: unknown
}

/** Everything that the client reports: a problem of the server (RFC 9457), a turn that failed, or a fault on the way. */
export class ColloquyError extends Error {
  override readonly name = 'ColloquyError'
  /** the HTTP status; 0 when there was no answer */
  readonly status: number
  /** such as `turn-in-progress`, `model-failed` or `unreachable` */
  readonly code: Problem['code'] | ClientCode
  /** the body of an answer that is a problem */
  readonly problem: Problem | undefined
  /** seconds after which a retry makes sense, when the server says so */
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

const streamStatus: Partial<Record<StreamError['code'], number>> = {
  'turn-not-found': 404,
  'model-overloaded': 503,
  'turn-interrupted': 503,
  'model-timeout': 504,
}

/** A turn's failure, with the status that its problem has. */
export const turnFailure = ({ code, detail }: StreamError) =>
  new ColloquyError(detail, { code, status: streamStatus[code] ?? 502 })

/** A body that is not what the server would have sent. */
export const unexpected = ({ status, url, headers }: Response, cause?: unknown) =>
  new ColloquyError(
    `${url || 'The server'} answered ${status} with ${headers.get('content-type') ?? 'no content type'}, ` +
      'which is not an answer of Colloquy. Check the `url` option and any proxy in front of the server.',
    { code: 'unexpected-answer', status, retryAfter: retryAfterOf(headers), cause },
  )

const retryAfterOf = (headers: Headers): number | undefined => {
  const seconds = Number.parseInt(headers.get('retry-after') ?? '', 10)
  return Number.isNaN(seconds) ? undefined : seconds
}

const hasType = ({ headers }: Response, type: string) =>
  headers.get('content-type')?.startsWith(type) ?? false

/** Throws a ColloquyError for an answer that is one, or that is not of the media type. */
export const checkResponse = async (response: Response, type: string): Promise<Response> => {
  const { ok, status, headers } = response
  if (ok && (status === 204 || hasType(response, type))) return response
  if (ok) {
    void response.body?.cancel().catch(() => {})
    throw unexpected(response)
  }
  const body: unknown = await response.json().catch(() => undefined)
  const problem = body as Problem | undefined
  if (typeof problem?.code !== 'string' || typeof problem.detail !== 'string') throw unexpected(response)
  throw new ColloquyError(problem.detail, {
    status,
    code: problem.code,
    problem,
    retryAfter: retryAfterOf(headers),
  })
}
