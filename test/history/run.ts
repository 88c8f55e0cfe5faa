import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../../src/root.js'
import { createScope, type Scope } from '../helpers/scope.js'
import { claims, hs256, SECRET } from '../helpers/tokens.js'
import type { Rule, Violation } from './check/rules.js'
import { check } from './check.js'
import { createClient } from './client.js'
import { startCrew } from './crew.js'
import { type Dump, readDump } from './dump.js'
import { type Fault, inject } from './faults.js'
import type { Moods } from './model.js'
import type { Killable } from './postgres.js'
import { createRandom } from './random.js'
import { now, readRecords, recorder } from './records.js'
import { type Injected, type RunResult, resultOf } from './result.js'
import { settle } from './settle.js'
import { openSite } from './site.js'

export interface RunOptions {
  postgres: Killable
  /** for the records and the servers' logs; made where it is not there */
  folder: string
  seed: number
  /** The load goes on until so many turns were acknowledged and all faults injected, or a rule is seen broken. */
  turns: number
  faults: Fault[]
  /** Only this rule ends the load, where others may be broken too. */
  expected?: Rule
  /** Past it the run is given up. */
  boundMs: number
  moods?: Partial<Moods>
  /** the share of messages with a key that a client sends more than once at the same time */
  duplicates?: number
  /** how long clients rest between messages, on average; less of it meets more, and takes more of the processor */
  restMs?: number
  /** how many turns of a user may run at once */
  runningTurns?: number
  /** the budget of one user, in microunits */
  budget?: number
  /** the share of operations after which the conversation is deleted, or has to expire */
  leaves?: number
  /** the folder of the program, when it is a changed copy */
  program?: string
  pooled?: boolean
  signal?: AbortSignal
  log?: (line: string) => void
}

/** Leases and waits are short, so that turns are taken over and refused often. */
const limits = {
  turnTimeoutMs: 5_000,
  busyWaitMs: 400,
  leaseMs: 700,
  historyMessages: 20,
  historyTokens: 100_000,
  toolSteps: 8,
  toolCalls: 32,
  toolTimeoutMs: 30_000,
}
const usualMoods: Moods = { quickMs: 30, slow: 0.05, slowMs: 1_500, fail: 0.04 }
const requestMs = 2_500
const clients = 3
const workers = 6
const users = ['ada', 'bob', 'cyd', 'dan']
/** About as many as the conversations that each user has under way: a lower one slows the run down. */
const usualRunningTurns = 5
/** Enough for most of a short run. */
const usualBudget = 2_500
const dayInSeconds = 86_400
const watchMs = 300
/** Turns that have to be acknowledged between two faults, so that each hits something. */
const between = 10

const tokens = Object.fromEntries(
  users.map((sub) => {
    const { iat } = claims()
    return [sub, hs256({ sub, iat, exp: Number(iat) + dayInSeconds })]
  }),
)

/**
 * One run: client processes against two servers and one PostgreSQL, faults meanwhile, and what the checker says. It
 * checks while the run goes on, and once more in full when it has come to rest. Rejects when that takes too long.
 */
export const run = async (options: RunOptions): Promise<RunResult> => {
  const scope = createScope()
  try {
    return await runIn(scope, options)
  } finally {
    await scope.end()
  }
}

const runIn = async (t: Scope, options: RunOptions): Promise<RunResult> => {
  const { postgres, folder, seed, turns, faults, expected, log = () => {}, pooled = false } = options
  const { duplicates = 0.2, restMs = 0, leaves = 0.04 } = options
  const bounds = {
    runningTurns: options.runningTurns ?? usualRunningTurns,
    budgets: { dan: options.budget ?? usualBudget },
  }
  const program = options.program ?? process.env.COLLOQUY_TEST_PROGRAM ?? fileURLToPath(packageRoot)
  const random = createRandom(seed)
  const bound = AbortSignal.timeout(options.boundMs)
  const signal = AbortSignal.any([bound, ...(options.signal ? [options.signal] : [])])
  const over = new AbortController()
  const stop = AbortSignal.any([signal, over.signal])
  const pause = (ms: number) => sleep(ms, undefined, { signal: stop }).catch(() => {})

  await mkdir(folder, { recursive: true })
  const crashes: Violation[] = []
  const site = await openSite(t, {
    ...{ postgres, pooled, program, folder, seed, limits, secret: SECRET, ...bounds },
    moods: { ...usualMoods, ...options.moods },
    onCrash: (text) => crashes.push({ rule: 'unexpected', text }),
  })
  const load = { tokens, requestMs, workers, duplicates, restMs, leaves }
  const crew = startCrew(t, { program, size: clients, seed, folder, ...load })

  let dump: Dump = { users: [], conversations: [], turns: [], messages: [], deadlocks: 0 }
  let violations: Violation[] = []
  const look = async (settled: boolean): Promise<void> => {
    // In this order: what was acknowledged by now is stored by then.
    const before = readRecords(folder).filter(({ type }) => type !== 'leave')
    dump = await readDump(site.superuserUrl(), postgres.database !== undefined)
    // The other way round: what the dump lacks was asked to be gone by now.
    const records = [...before, ...readRecords(folder).filter(({ type }) => type === 'leave')]
    violations = [...crashes, ...check(records, dump, { settled, ...limits, ...bounds })]
  }
  const result = () => resultOf(readRecords(folder), dump, violations, injected)

  const watch = async () => {
    // The dump of a distributed database is not of one moment, but when it is at rest.
    while (!stop.aborted && !postgres.database) {
      const start = performance.now()
      // PostgreSQL may just be away.
      await look(false).catch(() => {})
      if (violations.some(({ rule }) => rule === (expected ?? rule))) over.abort()
      await pause(Math.max(watchMs, 2 * (performance.now() - start)))
    }
  }
  const injected: Injected[] = []
  const injectAll = async () => {
    let latest = 0
    for (const fault of faults) {
      const due = Math.max(latest + between, ((injected.length + 1) * turns) / (faults.length + 1))
      while (!stop.aborted && crew.acknowledged() < due) await pause(10)
      if (stop.aborted) return
      const from = now()
      await inject(fault, { ...site, leaseMs: limits.leaseMs, random })
      injected.push({ fault, from, to: now() })
      crew.lead(site.urls())
      latest = crew.acknowledged()
      log(`${latest} turns, ${injected.length} faults: ${fault}`)
    }
    while (!stop.aborted && crew.acknowledged() < turns) await pause(10)
  }

  crew.lead(site.urls())
  await Promise.all([watch(), injectAll().finally(() => over.abort())])
  // The first of all: Ctrl-C reaches the servers too.
  options.signal?.throwIfAborted()
  if (violations.length > 0) return result()
  if (bound.aborted) throw new Error(`the run was not over after ${options.boundMs} ms`)

  await crew.end()
  await look(false)
  log(`${dump.turns.length} turns: coming to rest`)
  const record = recorder(join(folder, 'last.jsonl'))
  const client = createClient({ name: 'last', record, tokens, requestMs })
  const urls = site.urls()
  await settle({ client, urls, leaseMs: limits.leaseMs, random, dump, records: readRecords(folder), signal })
  await look(true)
  return result()
}
