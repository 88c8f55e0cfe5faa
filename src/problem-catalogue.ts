import type { components } from '../generated/closed/contract.js'
import { turnErrors } from './turns/turn-errors.js'

export type ProblemCode = components['schemas']['ProblemCode']

export interface Entry {
  status: number
  title: string
  /** the default detail */
  detail: string
  /** `Retry-After`, in seconds */
  retryAfter?: number
}

/** All problems that the server responds with, and the only place that assigns statuses to codes. */
export const catalogue = {
  'malformed-request': { status: 400, title: 'Malformed request', detail: 'The request cannot be read.' },
  'malformed-body': { status: 400, title: 'Malformed body', detail: 'The body is not valid JSON.' },
  unauthenticated: {
    status: 401,
    title: 'Authentication required',
    detail: 'Send a valid bearer token in the Authorization header.',
  },
  forbidden: {
    status: 403,
    title: 'Forbidden',
    detail: 'The token belongs to another user than the path names.',
  },
  'origin-not-allowed': {
    status: 403,
    title: 'Origin not allowed',
    detail:
      'Pages of this origin may not call this server. Its operator names those that may in CHAT_CORS_ORIGINS.',
  },
  'route-not-found': { status: 404, title: 'Route not found', detail: 'There is no such route.' },
  'conversation-not-found': {
    status: 404,
    title: 'Conversation not found',
    detail: 'There is no such conversation.',
  },
  'turn-not-found': { status: 404, title: 'Turn not found', detail: 'There is no such turn.' },
  'message-not-found': { status: 404, title: 'Message not found', detail: 'There is no such message.' },
  'method-not-allowed': {
    status: 405,
    title: 'Method not allowed',
    detail: 'The path does not have this method; the Allow header names those it has.',
  },
  'request-timeout': {
    status: 408,
    title: 'Request timeout',
    detail: 'The request did not arrive in time.',
  },
  'turn-in-progress': {
    status: 409,
    title: 'Turn in progress',
    detail: 'The conversation is still answering another message.',
    retryAfter: 1,
  },
  'idempotency-key-in-use': {
    status: 409,
    title: 'Idempotency key in use',
    detail: 'The first request with this Idempotency-Key is still being answered.',
    retryAfter: 1,
  },
  'body-too-large': { status: 413, title: 'Body too large', detail: 'The body has more than 262144 bytes.' },
  'uri-too-long': { status: 414, title: 'URI too long', detail: 'The URL has more than 8192 bytes.' },
  'unsupported-media-type': {
    status: 415,
    title: 'Unsupported media type',
    detail:
      'Send the body in a media type that the operation takes, in UTF-8 and without a content encoding.',
  },
  'validation-failed': {
    status: 422,
    title: 'Validation failed',
    detail: 'The request is not what the contract says.',
  },
  'idempotency-key-mismatch': {
    status: 422,
    title: 'Idempotency key mismatch',
    detail: 'The Idempotency-Key was used with another body before. Use a new key for a new message.',
  },
  'headers-too-large': {
    status: 431,
    title: 'Headers too large',
    detail: 'The headers have more than 16384 bytes.',
  },
  'rate-limited': {
    status: 429,
    title: 'Rate limited',
    detail: 'The user has reached a limit.',
    retryAfter: 1,
  },
  'budget-exceeded': {
    status: 429,
    title: 'Budget exceeded',
    detail: 'Too little is left of what the user may spend.',
    retryAfter: 3_600,
  },
  'internal-error': { status: 500, title: 'Internal error', detail: 'Something went wrong on our side.' },
  'model-failed': { status: 502, title: 'Model failed', detail: turnErrors['model-failed'] },
  'model-unreachable': {
    status: 502,
    title: 'Model unreachable',
    detail: turnErrors['model-unreachable'],
  },
  'model-unauthorized': {
    status: 502,
    title: 'Model unauthorized',
    detail: turnErrors['model-unauthorized'],
  },
  'model-context-exceeded': {
    status: 502,
    title: 'Model context exceeded',
    detail: turnErrors['model-context-exceeded'],
  },
  'model-content-filtered': {
    status: 502,
    title: 'Model content filtered',
    detail: turnErrors['model-content-filtered'],
  },
  'model-empty-answer': {
    status: 502,
    title: 'Model empty answer',
    detail: turnErrors['model-empty-answer'],
  },
  'model-tool-limit': {
    status: 502,
    title: 'Model tool limit',
    detail: turnErrors['model-tool-limit'],
  },
  'model-broken-off': { status: 502, title: 'Model broken off', detail: turnErrors['model-broken-off'] },
  'database-unavailable': {
    status: 503,
    title: 'Database unavailable',
    detail: 'The database cannot be reached.',
    retryAfter: 1,
  },
  'keys-unavailable': {
    status: 503,
    title: 'Keys unavailable',
    detail: 'The keys that verify tokens cannot be fetched.',
    retryAfter: 2,
  },
  'shutting-down': {
    status: 503,
    title: 'Shutting down',
    detail: 'This instance is shutting down.',
    retryAfter: 1,
  },
  'too-many-connections': {
    status: 503,
    title: 'Too many connections',
    detail: 'This instance has as many connections as it serves at once.',
    retryAfter: 2,
  },
  'instance-overloaded': {
    status: 503,
    title: 'Instance overloaded',
    detail:
      'This instance has as many running turns, waiting messages or open streams as it takes on at once.',
    retryAfter: 2,
  },
  // Which assistants there are is the deployment's: another instance may know this one.
  'assistant-unavailable': {
    status: 503,
    title: 'Assistant unavailable',
    detail: "This instance does not have the conversation's assistant.",
    retryAfter: 5,
  },
  // The operator's limit, not the caller's: a 429 would blame the user. How much it is stays the operator's, too.
  'service-budget-exceeded': {
    status: 503,
    title: 'Service budget exceeded',
    detail: 'Too little is left of what all users together may spend.',
    retryAfter: 60,
  },
  'turn-interrupted': {
    status: 503,
    title: 'Turn interrupted',
    detail: turnErrors['turn-interrupted'],
    retryAfter: 1,
  },
  // Not the provider's 429, which would blame the caller. A 503 can carry Retry-After, too.
  'model-overloaded': {
    status: 503,
    title: 'Model overloaded',
    detail: turnErrors['model-overloaded'],
    retryAfter: 5,
  },
  'model-timeout': { status: 504, title: 'Model timeout', detail: turnErrors['model-timeout'] },
} as const satisfies Record<ProblemCode, Entry>
