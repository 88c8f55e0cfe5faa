import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { withAbortableBody, withTimeout } from '../concurrency/with-timeout.js'
import { isJsonObject } from '../json-object.js'

/** Public keys as SPKI PEM, by `keyId`. */
export type PublicKeys = ReadonlyMap<string, string>

const MAX_BYTES = 256 * 1024
const MAX_KEYS = 100
const TIMEOUT_MS = 5_000
const MIN_RSA_BITS = 2048

/** Keys are looked up by algorithm and id, so a key never verifies a token of another algorithm. */
export const keyId = (alg: string, kid: string): string => `${alg} ${kid}`

const algorithmOf = ({ kty, crv }: JsonWebKey): string | undefined => {
  if (kty === 'OKP' && crv === 'Ed25519') return 'EdDSA'
  if (kty === 'EC' && crv === 'P-256') return 'ES256'
  return kty === 'RSA' ? 'RS256' : undefined
}

/** One key of the set (RFC 7517); undefined if it must not verify tokens here. */
const publicKey = (jwk: JsonWebKey): [id: string, pem: string] | undefined => {
  const { kid, use = 'sig', key_ops: operations = ['verify'] } = jwk
  const algorithm = algorithmOf(jwk)
  if (algorithm === undefined || (jwk.alg ?? algorithm) !== algorithm || typeof kid !== 'string') return
  // A published private key is no longer secret.
  if (use !== 'sig' || !Array.isArray(operations) || !operations.includes('verify') || 'd' in jwk) return
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    if ((key.asymmetricKeyDetails?.modulusLength ?? MIN_RSA_BITS) < MIN_RSA_BITS) return
    return [keyId(algorithm, kid), key.export({ type: 'spki', format: 'pem' }).toString()]
  } catch {
    return // One broken key must not disable the others.
  }
}

/** The usable keys of a key set. Throws when there is none: that is the app's fault, not its users'. */
const parseKeySet = (document: unknown): PublicKeys => {
  if (!isJsonObject(document) || !Array.isArray(document.keys))
    throw new Error('the document is not a key set')
  if (document.keys.length > MAX_KEYS) throw new Error(`the key set has more than ${MAX_KEYS} keys`)
  const keys = new Map(
    document.keys
      .filter(isJsonObject)
      .map(publicKey)
      .filter((key) => key !== undefined),
  )
  if (keys.size === 0) throw new Error('the key set has no Ed25519, P-256 or RSA key to verify with')
  return keys
}

const boundedText = async (response: Response): Promise<string> => {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > MAX_BYTES) throw new Error(`the key set has more than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** Fetches a key set, limited in time and size. Redirects are refused: they could lead anywhere. */
export const fetchPublicKeys = (url: string, fetch: typeof globalThis.fetch): Promise<PublicKeys> =>
  withTimeout(undefined, TIMEOUT_MS, async (signal) => {
    const headers = { accept: 'application/json' }
    const response = await withAbortableBody(fetch)(url, { headers, redirect: 'error', signal })
    if (response.status !== 200) throw new Error(`the key set answered ${response.status}`)
    return parseKeySet(JSON.parse(await boundedText(response)))
  })
