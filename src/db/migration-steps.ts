import { setTimeout as delay } from 'node:timers/promises'
import type { Database, Sql } from './database.js'
import {
  claimAttempt,
  type LedgerRow,
  ledgerLockMs,
  lockLedger,
  readLedger,
  readLedgerRows,
  setLockTimeout,
} from './ledger.js'
import { type LockWait, watchLockWaits } from './lock-waits.js'

/** A schema change, applied in one transaction with its ledger entry. */
export interface MigrationStep {
  name: string
  isPending(rows: LedgerRow[]): boolean
  apply(sql: Sql): Promise<void>
}

export interface LockRetry {
  /**
   * How long a step waits for a lock, which blocks every later request for that lock. Below PostgreSQL's deadlock_timeout
   * (one second), so that in a deadlock the step gives way rather than a turn.
   */
  lockTimeoutMs: number
  /** between the starts of two attempts, across all programs */
  pauseMs: number
  /** total time for all attempts */
  giveUpMs: number
}

export const defaultLockRetry: LockRetry = { lockTimeoutMs: 500, pauseMs: 4_000, giveUpMs: 600_000 }

/** How often to check whether another program has finished or this one may try. */
const pollMs = 1_000

interface RunStepOptions {
  lockRetry: LockRetry
  log: (line: string) => void
  signal: AbortSignal
}

/** SQLSTATEs of a lock timeout, and of a deadlock in which the step was the victim. */
const withoutLock = new Set(['55P03', '40P01'])

const isWithoutLock = (error: unknown): boolean =>
  error instanceof Error &&
  (withoutLock.has((error as { code?: string }).code ?? '') || isWithoutLock(error.cause))

const describe = (wait: LockWait | undefined): string =>
  wait ? `${wait.mode} on ${wait.object}, held by ${wait.holders}` : 'a lock that another process holds'

/** Makes one attempt. Resolves to false when another program has applied the step by now. */
const attempt = (
  db: Database,
  step: MigrationStep,
  lockTimeoutMs: number,
  watch: (pid: number) => void,
): Promise<boolean> =>
  db.asLogin(async (sql) => {
    await setLockTimeout(sql, ledgerLockMs)
    await lockLedger(sql)
    if (!step.isPending(await readLedgerRows(sql))) return false
    await setLockTimeout(sql, lockTimeoutMs)
    const [{ pid }] = await sql<[{ pid: number }]>`select pg_backend_pid() as pid`
    watch(pid)
    await step.apply(sql)
    return true
  })

/** Whether this program applied the step, or what blocked it. */
type StepResult = { isDone: boolean } | { obstacle: string; retryMs: number }

const tryStep = async (db: Database, step: MigrationStep, lockRetry: LockRetry): Promise<StepResult> => {
  const { pauseMs, lockTimeoutMs } = lockRetry
  const heldElsewhere = { obstacle: 'another program is migrating', retryMs: Math.min(pauseMs, pollMs) }
  const waits = watchLockWaits(db)
  try {
    if (!(await claimAttempt(db, pauseMs))) return heldElsewhere
    return { isDone: await attempt(db, step, lockTimeoutMs, waits.watch) }
  } catch (error) {
    if (!isWithoutLock(error)) throw error
    if (!waits.isWatching()) return heldElsewhere
    return { obstacle: `it needs ${describe(await waits.last())}`, retryMs: pauseMs }
  } finally {
    waits.stop()
  }
}

/**
 * Applies a step, unless another program does. If a lock is not available at once, the attempt is abandoned and repeated
 * after a pause, in which the queue behind it is served. All waiting programs share the attempts. Resolves to whether
 * this program applied the step.
 */
export const runStep = async (
  db: Database,
  step: MigrationStep,
  options: RunStepOptions,
): Promise<boolean> => {
  const { lockRetry, log, signal } = options
  const start = performance.now()
  let logged = ''
  for (;;) {
    signal.throwIfAborted()
    if (!step.isPending(await readLedger(db))) return false
    const outcome = await tryStep(db, step, lockRetry)
    if ('isDone' in outcome) return outcome.isDone
    const { obstacle, retryMs } = outcome
    const waitedMs = performance.now() - start
    const seconds = Math.round(waitedMs / 1000)
    if (waitedMs > lockRetry.giveUpMs) {
      throw new Error(`The ${step.name} could not be applied within ${seconds} s: ${obstacle}.`)
    }
    // A wait for another program is logged once.
    if (obstacle !== logged || retryMs === lockRetry.pauseMs) {
      log(`the ${step.name} is waiting: ${obstacle}; ${seconds} s so far, will retry`)
      logged = obstacle
    }
    await delay(retryMs, undefined, { signal })
  }
}
