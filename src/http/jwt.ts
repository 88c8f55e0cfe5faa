import { Problem } from '../problems.js'
import { toLogText, toLogTexts, toLogTime } from './log-text.js'
import type { Refusal } from './refusal.js'

const MAX_TOKEN_BYTES = 8 * 1024
/** The tolerated skew between the app's clock and ours. */
const CLOCK_TOLERANCE_SECONDS = 5

/** A decoded token, not yet verified. */
export interface DecodedJwt {
  header: Record<string, unknown>
  payload: Record<string, unknown>
}

export interface ClaimRules {
  issuer?: string | undefined
  audience?: string | undefined
  isUserId: (value: unknown) => value is string
}

/** The 401 for a missing or invalid token (RFC 6750, section 3.1). The refusal is for the log only. */
export class Unauthenticated extends Problem<'unauthenticated'> {
  readonly refusal: Refusal

  constructor(refusal: Refusal, challenge = 'Bearer error="invalid_token"') {
    super('unauthenticated', { headers: { 'www-authenticate': challenge } })
    this.refusal = refusal
  }
}

export const invalidToken = (reason: string, values: Omit<Refusal, 'reason'> = {}): Unauthenticated =>
  new Unauthenticated({ reason, ...values })

// Buffer decodes several spellings to the same bytes; a token must have only one.
const isCanonicalBase64url = (part: string): boolean =>
  part !== '' && Buffer.from(part, 'base64url').toString('base64url') === part

/** Reads the token from an `Authorization: Bearer` header, in the compact serialization (RFC 7515, section 7.1). */
export const bearerToken = (authorization = ''): string => {
  const [scheme = '', token = ''] = authorization.split(/ +(.*)/s, 2)
  if (scheme.toLowerCase() !== 'bearer') throw new Unauthenticated({ reason: 'no bearer token' }, 'Bearer')
  if (Buffer.byteLength(token) > MAX_TOKEN_BYTES) throw invalidToken('too long')
  const parts = token.split('.')
  if (parts.length !== 3 || !parts.every(isCanonicalBase64url)) throw invalidToken('not a signed token')
  return token
}

const isTimeUpTo = (value: unknown, limit: number): boolean => typeof value === 'number' && value <= limit

/** Checks the claims (RFC 7519, section 4.1) at `now`, in milliseconds since 1970. Undefined means valid. */
export const findClaimError = (
  payload: DecodedJwt['payload'],
  rules: ClaimRules,
  now: number,
): Refusal | undefined => {
  const { sub, exp, iat = 0, nbf = 0, iss, aud } = payload
  const seconds = now / 1000
  const time = (reason: string, value: unknown, order: string): Refusal => ({
    reason,
    expected: `${order} ${toLogTime(Math.floor(seconds))}`,
    received: toLogTime(value),
  })
  // User ids stay out of the log.
  if (!rules.isUserId(sub)) return { reason: 'sub', expected: "a user's id", received: `(${typeof sub})` }
  if (!Number.isSafeInteger(exp) || isTimeUpTo(exp, seconds - CLOCK_TOLERANCE_SECONDS))
    return time('exp', exp, 'after')
  if (!isTimeUpTo(iat, seconds + CLOCK_TOLERANCE_SECONDS)) return time('iat', iat, 'not after')
  if (!isTimeUpTo(nbf, seconds + CLOCK_TOLERANCE_SECONDS)) return time('nbf', nbf, 'not after')
  if (rules.issuer !== undefined && iss !== rules.issuer)
    return { reason: 'iss', expected: rules.issuer, received: toLogText(iss) }
  if (rules.audience !== undefined && ![aud].flat().includes(rules.audience))
    return { reason: 'aud', expected: rules.audience, received: toLogTexts(aud) }
}
