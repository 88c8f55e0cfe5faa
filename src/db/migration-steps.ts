import { setTimeout as delay } from 'node:timers/promises'
import type { Database, Sql } from './database.js'
import {
  claimAttempt,
  type LedgerRow,
  ledgerLockMs,
  limitLockWait,
  lockLedger,
  readLedger,
  readRows,
} from './ledger.js'
import { type LockWait, watchLockWaits } from './lock-waits.js'

/** A change of the database that is made in one transaction with its record. */
export interface Step {
  name: string
  isPending(rows: LedgerRow[]): boolean
  apply(sql: Sql): Promise<void>
}

export interface LockRetry {
  /**
   * How long a step waits for a lock: everybody who comes meanwhile waits behind it. Less than PostgreSQL's
   * deadlock_timeout (a second), so that in a deadlock it is the step that gives way, and no turn.
   */
  lockTimeoutMs: number
  /** from the start of one attempt, by whatever program, to the next one's */
  pauseMs: number
  /** how long it is tried altogether */
  giveUpMs: number
}

export const defaultLockRetry: LockRetry = { lockTimeoutMs: 500, pauseMs: 4_000, giveUpMs: 600_000 }

/** How often it is looked whether it is this program's turn, or another one is done. */
const pollMs = 1_000

export interface StepOptions {
  lockRetry: LockRetry
  log: (line: string) => void
  signal: AbortSignal
}

/** SQLSTATEs of a lock that was not had in time, and of a deadlock that the step has ended by giving way. */
const withoutLock = new Set(['55P03', '40P01'])

const isWithoutLock = (error: unknown): boolean =>
  error instanceof Error &&
  (withoutLock.has((error as { code?: string }).code ?? '') || isWithoutLock(error.cause))

const describe = (wait: LockWait | undefined): string =>
  wait ? `${wait.mode} on ${wait.object}, which is held by ${wait.holders}` : 'a lock that is held by another'

/** One attempt; false when another program has done it by now. */
const attempt = (
  db: Database,
  step: Step,
  lockTimeoutMs: number,
  watch: (pid: number) => void,
): Promise<boolean> =>
  db.asLogin(async (sql) => {
    await limitLockWait(sql, ledgerLockMs)
    await lockLedger(sql)
    if (!step.isPending(await readRows(sql))) return false
    await limitLockWait(sql, lockTimeoutMs)
    const [{ pid }] = await sql<[{ pid: number }]>`select pg_backend_pid() as pid`
    watch(pid)
    await step.apply(sql)
    return true
  })

/** What became of a step, or what is in its way. */
type Outcome = { isDone: boolean } | { obstacle: string; retryMs: number }

/** Makes an attempt if it is this program's turn. */
const tryStep = async (db: Database, step: Step, lockRetry: LockRetry): Promise<Outcome> => {
  const { pauseMs, lockTimeoutMs } = lockRetry
  const isOthersTurn = { obstacle: 'another program is at it', retryMs: Math.min(pauseMs, pollMs) }
  const waits = watchLockWaits(db)
  try {
    if (!(await claimAttempt(db, pauseMs))) return isOthersTurn
    return { isDone: await attempt(db, step, lockTimeoutMs, waits.watch) }
  } catch (error) {
    if (!isWithoutLock(error)) throw error
    if (!waits.isWatching()) return isOthersTurn
    return { obstacle: `it needs ${describe(await waits.last())}`, retryMs: pauseMs }
  } finally {
    waits.stop()
  }
}

/**
 * Takes a step, unless another program does. A lock that is not had at once is let go of and asked for again after a
 * pause, in which what has queued behind it is served; all programs that wait at once share the attempts.
 */
export const takeStep = async (db: Database, step: Step, options: StepOptions): Promise<boolean> => {
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
    // Whoever only waits for another program says so once.
    if (obstacle !== logged || retryMs === lockRetry.pauseMs) {
      log(`the ${step.name} waits: ${obstacle}; ${seconds} s so far, trying again`)
      logged = obstacle
    }
    await delay(retryMs, undefined, { signal })
  }
}
