import type { components } from '../generated/closed/contract.js'
import { catalogue, type Entry, type ProblemCode } from './problem-catalogue.js'

/** An error body, `application/problem+json` (RFC 9457). */
type ProblemBody = components['schemas']['Problem']

type StatusOf<Code extends ProblemCode> = (typeof catalogue)[Code]['status']

/** The codes whose status is one of `Status`. */
export type CodesOf<Status> = {
  [Code in ProblemCode]: StatusOf<Code> extends Status ? Code : never
}[ProblemCode]

/** What an occurrence adds to its catalogue entry. All of it is public. */
interface ProblemDetails extends Pick<ProblemBody, 'errors' | 'limit' | 'conversation_id' | 'turn_id'> {
  detail?: string
  /** further response headers */
  headers?: Record<string, string>
}

/** A problem response. Handlers return it; code below them may throw it. */
export class Problem<Code extends ProblemCode = ProblemCode> extends Error {
  readonly code: Code
  readonly details: ProblemDetails

  /** `cause` is only logged. */
  constructor(code: Code, details: ProblemDetails = {}, cause?: unknown) {
    super(details.detail ?? catalogue[code].detail, { cause })
    this.name = 'Problem'
    this.code = code
    this.details = details
  }

  get status(): number {
    return catalogue[this.code].status
  }

  get headers(): Record<string, string> {
    const entry: Entry = catalogue[this.code]
    return {
      ...(entry.retryAfter !== undefined && { 'retry-after': String(entry.retryAfter) }),
      ...this.details.headers,
    }
  }

  /** The body as the contract's `Problem` schema has it. */
  body(requestId: string, instance?: string): ProblemBody {
    const { headers: _, detail, ...extensions } = this.details
    return {
      type: `urn:colloquy:problem:${this.code}`,
      title: catalogue[this.code].title,
      status: this.status,
      detail: this.message,
      ...(instance === undefined ? {} : { instance: instance.slice(0, 2048) }),
      code: this.code,
      request_id: requestId,
      ...extensions,
    }
  }
}

export const problem = <Code extends ProblemCode>(code: Code, details?: ProblemDetails): Problem<Code> =>
  new Problem(code, details)
