import type { FastifyBaseLogger } from 'fastify'
import { withTimeout } from '../concurrency/with-timeout.js'
import { Problem } from '../problems.js'
import { fetchPublicKeys, keyId, type PublicKeys } from './public-keys.js'

/** From when on the keys are fetched anew beside their use, from when on they are waited for, and for how long at most. */
const REFRESH_AGE_MS = 5 * 60_000
const MAX_AGE_MS = 10 * 60_000
const MAX_WAIT_MS = 1_000
/** How old usableKey keys may get while the set is away: a night, or the day that it takes to mend the app. */
const MAX_AGE_IN_OUTAGE_MS = 24 * 60 * 60_000
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
 * Throws `keys-unavailable` when that cannot be usableKey.
 */
export interface KeySet {
  (alg: string, kid: string): Promise<string | undefined>
  /** the algorithms and ids of the keys that are usableKey now */
  ids(): string[]
}

/** An app's published keys (JWKS), fetched when they are needed: one fetch at a time, however many tokens ask. */
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
      log.warn({ err }, 'the key set cannot be fetched')
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

  /** Nobody with a usableKey key waits for longer than this, and in an outage not at all. */
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
