import { setTimeout as delay } from 'node:timers/promises'
import type { TurnStore } from './store/turn-store.js'

export interface PruningOptions {
  store: Pick<TurnStore, 'pruneIdempotencyKeys'>
  log: { warn(fields: object, text: string): void }
  everyMs?: number
  /** rows at most in one statement, so that none takes long */
  batch?: number
}

/** Forgets expired Idempotency-Keys now and then, in bounded batches, until the signal aborts. Several instances may. */
export const keepPruned = async (
  { store, log, everyMs = 600_000, batch = 1_000 }: PruningOptions,
  signal: AbortSignal,
): Promise<void> => {
  while (!signal.aborted) {
    await delay(everyMs, undefined, { signal, ref: false }).catch(() => {})
    try {
      while (!signal.aborted && (await store.pruneIdempotencyKeys(batch)) === batch);
    } catch (err) {
      log.warn({ err }, 'expired keys could not be forgotten')
    }
  }
}
