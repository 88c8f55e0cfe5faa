import type { FastifyBaseLogger } from 'fastify'
import { withTimeout } from '../concurrency/with-timeout.js'
import { Problem } from '../problems.js'
import { fetchPublicKeys, keyId, type PublicKeys } from './public-keys.js'

/** Keys older than this are refreshed in the background. */
const REFRESH_AGE_MS = 5 * 60_000
/** With older keys a request waits for the refresh, for at most MAX_WAIT_MS. */
const MAX_AGE_MS = 10 * 60_000
const MAX_WAIT_MS = 1_000
/** How long keys stay valid while the key set is unreachable: a night, or the day that it takes to repair the app. */
const MAX_AGE_IN_OUTAGE_MS = 24 * 60 * 60_000
/** At most the `Retry-After` of `keys-unavailable`, so that a client that honours it meets a new attempt. */
const BACKOFF_MS = 2_000

export interface KeySetOptions {
  url: string
  log: Pick<FastifyBaseLogger, 'warn'>
  /** minimum time between two fetches; a new key may stay unknown for that long */
  cooldownMs?: number
  /** a monotonic clock, in milliseconds */
  now?: () => number
  fetch?: typeof globalThis.fetch
}

/**
 * Finds the key, as SPKI PEM, for an algorithm and key id; undefined when there is none. Throws `keys-unavailable` when the
 * key set cannot be fetched.
 */
export interface KeySet {
  (alg: string, kid: string): Promise<string | undefined>
  /** the algorithms and ids of the cached keys */
  ids(): string[]
}

/** The app's published keys (JWKS), fetched on demand and cached. Concurrent requests share one fetch. */
export const createKeySet = ({
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
  let pendingUpdate: Promise<void> | undefined

  const update = async (): Promise<void> => {
    try {
      keys = await fetchPublicKeys(url, fetch)
      fetchedAt = now()
      failing = false
    } catch (err) {
      failing = true
      log.warn({ err }, 'the key set could not be fetched')
    }
    nextFetchAt = now() + (failing ? BACKOFF_MS : cooldownMs)
    pendingUpdate = undefined
  }

  const refresh = (): Promise<void> | undefined => {
    if (now() >= nextFetchAt) pendingUpdate ??= update()
    return pendingUpdate
  }

  const usableKey = (id: string): string | undefined =>
    now() - fetchedAt < MAX_AGE_IN_OUTAGE_MS ? keys.get(id) : undefined

  /** A request with a cached key waits no longer than MAX_WAIT_MS, and not at all while the key set is unreachable. */
  const refreshKnown = async (): Promise<void> => {
    const age = now() - fetchedAt
    if (age < REFRESH_AGE_MS) return
    const refreshing = refresh()
    if (age < MAX_AGE_MS || failing || !refreshing) return
    await withTimeout(undefined, MAX_WAIT_MS, () => refreshing).catch(() => {})
  }

  const find = async (alg: string, kid: string) => {
    const id = keyId(alg, kid)
    if (usableKey(id) === undefined) await refresh()
    else await refreshKnown()
    const found = usableKey(id)
    if (found === undefined && failing) throw new Problem('keys-unavailable')
    return found
  }
  return Object.assign(find, { ids: () => [...keys.keys()] })
}
