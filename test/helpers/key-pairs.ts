import { generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto'
import { base64url, claims, signed } from './tokens.js'

/** Apart from the tokens of a shared secret, which most tests use: to make a pair of RSA keys takes longer than most. */

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
