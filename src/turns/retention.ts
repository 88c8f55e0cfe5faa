import { setTimeout as delay } from 'node:timers/promises'
import { newId } from '../new-id.js'
import type { RetentionRule } from './retention-rule.js'
import type { TurnStore } from './store/turn-store.js'

interface PruningOptions {
  store: Pick<TurnStore, 'pruneIdempotencyKeys' | 'pruneUpdates'>
  log: { warn(fields: object, text: string): void }
  everyMs?: number
  /** maximum number of rows per statement, so that none takes long */
  batch?: number
}

/** Deletes expired Idempotency-Keys and old notes of changes periodically, in batches, until the signal aborts. Instances may run it concurrently. */
export const keepPruned = async (
  { store, log, everyMs = 600_000, batch = 1_000 }: PruningOptions,
  signal: AbortSignal,
): Promise<void> => {
  const prune = async (what: string, pruneBatch: (limit: number) => Promise<number>): Promise<void> => {
    try {
      while (!signal.aborted && (await pruneBatch(batch)) >= batch);
    } catch (err) {
      log.warn({ err }, `${what} could not be deleted`)
    }
  }
  while (!signal.aborted) {
    await delay(everyMs, undefined, { signal, ref: false }).catch(() => {})
    await prune('expired Idempotency-Keys', store.pruneIdempotencyKeys)
    await prune('old notes of changes', store.pruneUpdates)
  }
}

interface RemovalOptions {
  store: Pick<TurnStore, 'removeExpired'>
  log: { warn(fields: object, text: string): void }
  retention?: RetentionRule | undefined
  /** default: half a minute */
  removeEveryMs?: number
  /** maximum number of rows per statement, so that none takes long */
  rows?: number
}

/** How long another instance waits for one that died while it removed conversations. */
const claimLeaseMs = 60_000

/**
 * Removes expired conversations periodically, in batches, until the signal aborts; one instance at a time does. It first brings all
 * conversations' expiry into line with the rule, when that has changed.
 */
export const keepRemoved = async (
  { store, log, retention, removeEveryMs = 30_000, rows = 1_000 }: RemovalOptions,
  signal: AbortSignal,
): Promise<void> => {
  const removal = { claim: newId(), leaseMs: claimLeaseMs, retention, rows }
  while (!signal.aborted) {
    await delay(removeEveryMs, undefined, { signal, ref: false }).catch(() => {})
    try {
      while (!signal.aborted && (await store.removeExpired(removal)) === 'more');
    } catch (err) {
      log.warn({ err }, 'expired conversations could not be removed')
    }
  }
}
