import { createHmac, generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto'

/** Tokens made by hand, so that no library refuses to make the wrong ones. */

export const issuer = 'https://app.example'
export const SECRET = 'a shared secret of more than 32 bytes'

export const keyPairs = {
  EdDSA: generateKeyPairSync('ed25519'),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
}

export const jwk = (key: KeyObject, more: Record<string, unknown> = {}): JsonWebKey => ({
  ...key.export({ format: 'jwk' }),
  ...more,
})

/** The key set of the three pairs; a key's id is its algorithm. */
export const published: JsonWebKey[] = Object.entries(keyPairs).map(([alg, { publicKey }]) =>
  jwk(publicKey, { alg, kid: alg }),
)

/** A `fetch` that answers with a key set. */
export const serving =
  (keys: unknown = published): typeof fetch =>
  async () =>
    Response.json({ keys })

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

const signed = (input: string, signature: Buffer): string => `${input}.${signature.toString('base64url')}`

/** A token in the compact form; a text is taken as the payload's JSON itself. */
export const hs256 = (
  payload: unknown = claims(),
  header: object = {},
  secret: string | Buffer | KeyObject = SECRET,
): string => {
  const input = `${base64url({ alg: 'HS256', ...header })}.${base64url(payload)}`
  return signed(input, createHmac('sha256', secret).update(input).digest())
}

export const asymmetric = (
  alg: keyof typeof keyPairs,
  payload: unknown = claims(),
  header: object = {},
  key: KeyObject = keyPairs[alg].privateKey,
): string => {
  const input = `${base64url({ alg, kid: alg, ...header })}.${base64url(payload)}`
  const digest = alg === 'EdDSA' ? null : 'sha256'
  return signed(input, sign(digest, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }))
}
