import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'

/** An Ed25519 key that signs user tokens for tool servers. */
export interface SigningKey {
  /** its RFC 7638 thumbprint */
  kid: string
  privateKey: KeyObject
}

/** The public key as a JSON Web Key (RFC 8037). */
export interface PublicJwk {
  kty: 'OKP'
  crv: 'Ed25519'
  x: string
  kid: string
  alg: 'EdDSA'
  use: 'sig'
}

/** A token is signed for each request, so it only has to outlive the request's way to the server. */
const LIFETIME_SECONDS = 60

const publicKeyBytes = ({ privateKey }: Pick<SigningKey, 'privateKey'>): string =>
  createPublicKey(privateKey).export({ format: 'jwk' }).x ?? ''

const readKey = (pem: string): SigningKey => {
  const privateKey = createPrivateKey(pem)
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new TypeError('not an Ed25519 key')
  // RFC 7638: the required members, in lexicographic order.
  const members = JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x: publicKeyBytes({ privateKey }) })
  return { kid: createHash('sha256').update(members).digest('base64url'), privateKey }
}

/** Reads concatenated PKCS#8 PEM blocks; line breaks may be written as `\n`. Throws when a block is not an Ed25519 key. */
export const parseSigningKeys = (pem: string): SigningKey[] => {
  const text = pem.replaceAll('\\n', '\n')
  const block = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/g
  if (text.replace(block, '').trim() !== '') throw new TypeError('not PKCS#8 in PEM')
  const keys = (text.match(block) ?? []).map(readKey)
  return [...new Map(keys.map((key) => [key.kid, key])).values()]
}

export const publicJwks = (keys: readonly SigningKey[]): PublicJwk[] =>
  keys.map((key) => ({
    kty: 'OKP',
    crv: 'Ed25519',
    x: publicKeyBytes(key),
    kid: key.kid,
    alg: 'EdDSA',
    use: 'sig',
  }))

/** Signs a short-lived JWT that identifies the user of a request to one tool server (`audience`). */
export type UserTokenSigner = (userId: string, audience: string) => Promise<string>

export const createUserTokenSigner =
  ({ kid, privateKey }: SigningKey): UserTokenSigner =>
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
