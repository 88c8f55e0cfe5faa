import { setTimeout as delay } from 'node:timers/promises'
import type { TurnStore } from './store/turn-store.js'

interface PruningOptions {
  store: Pick<TurnStore, 'pruneIdempotencyKeys'>
  log: { warn(fields: object, text: string): void }
  everyMs?: number
  /** maximum number of rows per statement, so that none takes long */
  batch?: number
}

/** Deletes expired Idempotency-Keys periodically, in batches, until the signal aborts. Instances may run it concurrently. */
export const keepPruned = async (
  { store, log, everyMs = 600_000, batch = 1_000 }: PruningOptions,
  signal: AbortSignal,
): Promise<void> => {
  while (!signal.aborted) {
    await delay(everyMs, undefined, { signal, ref: false }).catch(() => {})
    try {
      while (!signal.aborted && (await store.pruneIdempotencyKeys(batch)) === batch);
    } catch (err) {
      log.warn({ err }, 'expired Idempotency-Keys could not be deleted')
    }
  }
}
