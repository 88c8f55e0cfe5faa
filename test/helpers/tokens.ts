import { createHmac, type KeyObject } from 'node:crypto'

/** Tokens made by hand, so that no library refuses to make the wrong ones. */

export const issuer = 'https://app.example'
export const SECRET = 'a shared secret of more than 32 bytes'

export const base64url = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** The time of the tokens made here, in seconds since 1970. */
export const seconds = Math.floor(Date.now() / 1000)

export const claims = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  sub: 'alice',
  iss: issuer,
  aud: issuer,
  iat: seconds,
  exp: seconds + 900,
  ...changes,
})

export const signed = (input: string, signature: Buffer): string =>
  `${input}.${signature.toString('base64url')}`

/** A token in the compact form; a text is taken as the payload's JSON itself. */
export const hs256 = (
  payload: unknown = claims(),
  header: object = {},
  secret: string | Buffer | KeyObject = SECRET,
): string => {
  const input = `${base64url({ alg: 'HS256', ...header })}.${base64url(payload)}`
  return signed(input, createHmac('sha256', secret).update(input).digest())
}
