import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'

/** An Ed25519 key that tokens for tool servers are signed with. */
export interface ToolKey {
  /** its RFC 7638 thumbprint */
  kid: string
  privateKey: KeyObject
}

/** The public part of a key, as it is published (RFC 8037). */
export interface PublishedKey {
  kty: 'OKP'
  crv: 'Ed25519'
  x: string
  kid: string
  alg: 'EdDSA'
  use: 'sig'
}

/** How long a token is good for: a request's way to the tool server. */
const LIFETIME_SECONDS = 60

const publicPart = ({ privateKey }: Pick<ToolKey, 'privateKey'>): string =>
  createPublicKey(privateKey).export({ format: 'jwk' }).x ?? ''

const readKey = (pem: string): ToolKey => {
  const privateKey = createPrivateKey(pem)
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new TypeError('not an Ed25519 key')
  // RFC 7638: the members that make the key, in the order of their names.
  const members = JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x: publicPart({ privateKey }) })
  return { kid: createHash('sha256').update(members).digest('base64url'), privateKey }
}

/** Reads PKCS#8 PEM blocks, one after the other, whose lines may be parted by `\n` in letters. Throws when one is no Ed25519 key. */
export const parseToolKeys = (pem: string): ToolKey[] => {
  const text = pem.replaceAll('\\n', '\n')
  const block = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/g
  if (text.replace(block, '').trim() !== '') throw new TypeError('not PKCS#8 in PEM')
  const keys = (text.match(block) ?? []).map(readKey)
  return [...new Map(keys.map((key) => [key.kid, key])).values()]
}

export const publish = (keys: readonly ToolKey[]): PublishedKey[] =>
  keys.map((key) => ({
    kty: 'OKP',
    crv: 'Ed25519',
    x: publicPart(key),
    kid: key.kid,
    alg: 'EdDSA',
    use: 'sig',
  }))

/** A token that says to one tool server, for a minute, which user a request is for. */
export type UserTokens = (userId: string, audience: string) => Promise<string>

export const userTokens =
  ({ kid, privateKey }: ToolKey): UserTokens =>
  (userId, audience) => {
    const now = Math.floor(Date.now() / 1000)
    return new SignJWT()
      .setProtectedHeader({ alg: 'EdDSA', kid, typ: 'JWT' })
      .setIssuer('colloquy')
      .setAudience(audience)
      .setSubject(userId)
      .setIssuedAt(now)
      .setExpirationTime(now + LIFETIME_SECONDS)
      .setJti(randomUUID())
      .sign(privateKey)
  }
