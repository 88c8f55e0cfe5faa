import { Problem } from '../problems.js'

const MAX_TOKEN_BYTES = 8 * 1024
/** How far the app's clock and ours may be apart. */
const CLOCK_TOLERANCE_SECONDS = 5

/** A token as decoded, before anything about it is known to be true. */
export interface Token {
  header: Record<string, unknown>
  payload: Record<string, unknown>
}

export interface ClaimRules {
  issuer?: string | undefined
  audience?: string | undefined
  isUserId: (value: unknown) => value is string
}

/** The 401 of a token that does not verify (RFC 6750, section 3.1); the reason is for the log only. */
export const invalidToken = (reason: string): Problem =>
  new Problem('unauthenticated', { headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }, reason)

// Buffer reads several spellings as the same bytes, and a token must have one.
const isCanonicalBase64url = (part: string): boolean =>
  part !== '' && Buffer.from(part, 'base64url').toString('base64url') === part

/** The one token of an `Authorization: Bearer` header, in the compact form (RFC 7515, section 7.1). */
export const bearerToken = (authorization = ''): string => {
  const [scheme = '', token = ''] = authorization.split(/ +(.*)/s, 2)
  if (scheme.toLowerCase() !== 'bearer')
    throw new Problem('unauthenticated', { headers: { 'www-authenticate': 'Bearer' } }, 'no bearer token')
  if (Buffer.byteLength(token) > MAX_TOKEN_BYTES) throw invalidToken('too long')
  const parts = token.split('.')
  if (parts.length !== 3 || !parts.every(isCanonicalBase64url)) throw invalidToken('not a signed token')
  return token
}

const isTimeUpTo = (value: unknown, limit: number): boolean => typeof value === 'number' && value <= limit

/** What is wrong with the claims (RFC 7519, section 4.1) at `now`, in milliseconds since 1970; undefined if nothing is. */
export const faultOf = (payload: Token['payload'], rules: ClaimRules, now: number): string | undefined => {
  const { sub, exp, iat = 0, nbf = 0, iss, aud } = payload
  const seconds = now / 1000
  if (!rules.isUserId(sub)) return 'sub'
  if (!Number.isSafeInteger(exp) || isTimeUpTo(exp, seconds - CLOCK_TOLERANCE_SECONDS)) return 'exp'
  if (!isTimeUpTo(iat, seconds + CLOCK_TOLERANCE_SECONDS)) return 'iat'
  if (!isTimeUpTo(nbf, seconds + CLOCK_TOLERANCE_SECONDS)) return 'nbf'
  if (rules.issuer !== undefined && iss !== rules.issuer) return 'iss'
  if (rules.audience !== undefined && ![aud].flat().includes(rules.audience)) return 'aud'
}
