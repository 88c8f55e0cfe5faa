import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../db/database.js'

export interface PruningOptions {
  db: Database
  log: { warn(fields: object, text: string): void }
  everyMs?: number
  /** rows at most in one statement, so that none takes long */
  batch?: number
}

/** Forgets expired Idempotency-Keys now and then, in bounded batches, until the signal aborts. Several instances may. */
export const keepPruned = async (
  { db, log, everyMs = 600_000, batch = 1_000 }: PruningOptions,
  signal: AbortSignal,
): Promise<void> => {
  const pruneBatch = async (): Promise<number> => {
    const [row] = await db.statement(
      (sql) => sql<[{ pruned: number }]>`select pruned from colloquy.prune_idempotency_keys(${batch})`,
    )
    return row.pruned
  }
  while (!signal.aborted) {
    await delay(everyMs, undefined, { signal, ref: false }).catch(() => {})
    try {
      while (!signal.aborted && (await pruneBatch()) === batch);
    } catch (err) {
      log.warn({ err }, 'expired keys could not be forgotten')
    }
  }
}
