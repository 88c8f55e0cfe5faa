import type { FastifyBaseLogger } from 'fastify'
import { Problem } from '../problems.js'
import { fetchPublicKeys, keyId, type PublicKeys } from './public-keys.js'

/** How old the keys may get while they can be fetched, and while they cannot. */
const MAX_AGE_MS = 10 * 60_000
const MAX_AGE_IN_OUTAGE_MS = 60 * 60_000
/** No shorter than the `Retry-After` of `keys-unavailable`, so that those who wait for it find a new try. */
const BACKOFF_MS = 2_000

export interface KeySetOptions {
  url: string
  log: Pick<FastifyBaseLogger, 'warn'>
  /** the least time between two fetches; a key that the app has just made may be unknown for that long */
  cooldownMs?: number
  /** milliseconds of a clock that never goes back */
  now?: () => number
  fetch?: typeof globalThis.fetch
}

/**
 * Finds the key, as SPKI PEM, that verifies tokens of this algorithm and key id; undefined when there is none.
 * Throws `keys-unavailable` when that cannot be known.
 */
export type KeySet = (alg: string, kid: string) => Promise<string | undefined>

/** An app's published keys (JWKS), fetched when they are needed: one fetch at a time, however many tokens ask. */
export const keySet = ({
  url,
  log,
  cooldownMs = 10_000,
  now = () => performance.now(),
  fetch = globalThis.fetch,
}: KeySetOptions): KeySet => {
  let keys: PublicKeys = new Map()
  let fetchedAt = Number.NEGATIVE_INFINITY
  let nextFetchAt = Number.NEGATIVE_INFINITY
  let failing = false
  let underWay: Promise<void> | undefined

  const update = async (): Promise<void> => {
    try {
      keys = await fetchPublicKeys(url, fetch)
      fetchedAt = now()
      failing = false
    } catch (err) {
      failing = true
      log.warn({ err }, 'the key set cannot be fetched')
    }
    nextFetchAt = now() + (failing ? BACKOFF_MS : cooldownMs)
    underWay = undefined
  }

  const refresh = (): Promise<void> | undefined => {
    if (now() >= nextFetchAt) underWay ??= update()
    return underWay
  }

  const known = (id: string): string | undefined =>
    now() - fetchedAt < (failing ? MAX_AGE_IN_OUTAGE_MS : MAX_AGE_MS) ? keys.get(id) : undefined

  return async (alg, kid) => {
    const id = keyId(alg, kid)
    const key = known(id)
    // In an outage nobody with a known key waits for the next try.
    if (key !== undefined && failing) refresh()
    if (key !== undefined) return key
    await refresh()
    const found = known(id)
    if (found === undefined && failing) throw new Problem('keys-unavailable')
    return found
  }
}
