import { ColloquyError } from '../../client/index.js'

/** An error as the page keeps and shows it. */
export interface Failure {
  code: string
  message: string
  requestId?: string | undefined
  limit?: string | undefined
  /** when the server wants to be asked again, in milliseconds since 1970 */
  retryAt?: number | undefined
}

export const toFailure = (error: unknown, now = Date.now()): Failure => {
  if (!(error instanceof ColloquyError)) return { code: 'page-failed', message: String(error) }
  const { code, message, request_id, limit, retryAfter } = error
  return {
    code,
    message,
    requestId: request_id,
    limit,
    retryAt: retryAfter === undefined ? undefined : now + retryAfter * 1000,
  }
}

export type FailureKind =
  | 'offline'
  | 'signed-out'
  | 'rate-limited'
  | 'over-budget'
  | 'not-found'
  | 'busy'
  | 'failed'

const kinds: Record<string, FailureKind> = {
  unreachable: 'offline',
  'connection-lost': 'offline',
  // The login did not answer, which says nothing of who is signed in.
  'no-token': 'offline',
  'signed-out': 'signed-out',
  unauthenticated: 'signed-out',
  'rate-limited': 'rate-limited',
  'budget-exceeded': 'over-budget',
  'conversation-not-found': 'not-found',
  'message-not-found': 'not-found',
  'turn-in-progress': 'busy',
  'shutting-down': 'busy',
  'instance-overloaded': 'busy',
  'too-many-connections': 'busy',
  'database-unavailable': 'busy',
}

export const kindOf = ({ code }: Failure): FailureKind => kinds[code] ?? 'failed'
