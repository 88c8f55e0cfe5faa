import { Problem } from '../problems.js'
import { type Refusal, toLogText, toLogTexts, toLogTime } from './refusal.js'

const MAX_TOKEN_BYTES = 8 * 1024
/** How far the app's clock and ours may be apart. */
const CLOCK_TOLERANCE_SECONDS = 5

/** A token as decoded, before anything about it is known to be true. */
export interface DecodedJwt {
  header: Record<string, unknown>
  payload: Record<string, unknown>
}

export interface ClaimRules {
  issuer?: string | undefined
  audience?: string | undefined
  isUserId: (value: unknown) => value is string
}

/** The 401 of a caller without a token, or with one that does not verify (RFC 6750, section 3.1); the refusal is for the log only. */
export class Unauthenticated extends Problem<'unauthenticated'> {
  readonly refusal: Refusal

  constructor(refusal: Refusal, challenge = 'Bearer error="invalid_token"') {
    super('unauthenticated', { headers: { 'www-authenticate': challenge } })
    this.refusal = refusal
  }
}

export const invalidToken = (reason: string, values: Omit<Refusal, 'reason'> = {}): Unauthenticated =>
  new Unauthenticated({ reason, ...values })

// Buffer reads several spellings as the same bytes, and a token must have one.
const isCanonicalBase64url = (part: string): boolean =>
  part !== '' && Buffer.from(part, 'base64url').toString('base64url') === part

/** The one token of an `Authorization: Bearer` header, in the compact form (RFC 7515, section 7.1). */
export const bearerToken = (authorization = ''): string => {
  const [scheme = '', token = ''] = authorization.split(/ +(.*)/s, 2)
  if (scheme.toLowerCase() !== 'bearer') throw new Unauthenticated({ reason: 'no bearer token' }, 'Bearer')
  if (Buffer.byteLength(token) > MAX_TOKEN_BYTES) throw invalidToken('too long')
  const parts = token.split('.')
  if (parts.length !== 3 || !parts.every(isCanonicalBase64url)) throw invalidToken('not a signed token')
  return token
}

const isTimeUpTo = (value: unknown, limit: number): boolean => typeof value === 'number' && value <= limit

/** What is wrong with the claims (RFC 7519, section 4.1) at `now`, in milliseconds since 1970; undefined if nothing is. */
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
  // Whose id it is stays out of the log.
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
