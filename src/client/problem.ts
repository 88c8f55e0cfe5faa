import type { components } from '../../generated/contract.js'

export type Problem = components['schemas']['Problem']

/** An answer that is an error; `problem` is its body (RFC 9457), when it has one. */
export class ColloquyError extends Error {
  override readonly name = 'ColloquyError'
  readonly status: number
  readonly problem: Problem | undefined
  /** seconds after which a retry makes sense, when the server says so */
  readonly retryAfter: number | undefined

  constructor(status: number, problem: Problem | undefined, retryAfter: number | undefined) {
    super(problem?.detail ?? `The server answered ${status}.`)
    this.status = status
    this.problem = problem
    this.retryAfter = retryAfter
  }

  /** the problem's code, such as `turn-in-progress` */
  get code(): Problem['code'] | undefined {
    return this.problem?.code
  }
}

/** Throws a ColloquyError for an answer that is one. */
export const checkResponse = async (response: Response): Promise<Response> => {
  if (response.ok) return response
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json')
  const problem = isProblem ? ((await response.json().catch(() => undefined)) as Problem) : undefined
  const retryAfter = Number.parseInt(response.headers.get('retry-after') ?? '', 10)
  throw new ColloquyError(response.status, problem, Number.isNaN(retryAfter) ? undefined : retryAfter)
}
