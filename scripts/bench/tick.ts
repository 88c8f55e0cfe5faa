import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { connect } from '../../src/db/connect.js'
import { createAttemptLog } from '../../src/turns/attempts/attempt-log.js'
import { createHeartbeat } from '../../src/turns/attempts/heartbeat.js'
import type { BeginTurn } from '../../src/turns/store/begin-turns.js'
import { createTurnStore, type TurnStore } from '../../src/turns/store/turn-store.js'
import { latencyOf } from './load.js'
import type { Bench, Cell, Part } from './part.js'
import { seed } from './seed.js'
import { wordToken } from './speech.js'
import { newTurn } from './turn.js'

const counts = [1, 10, 100, 500]
const sayEveryMs = 120
const eventsATick = 5
/** Other users' turns, so that the table is large enough for its index to matter. */
const others = { prefix: 'other', users: 1_000, conversations: 10, messages: 20 }

/** Measures each tick of a store, in microseconds. */
const timed = (store: TurnStore): { store: TurnStore; micros: number[] } => {
  const micros: number[] = []
  const syncAttempts: TurnStore['syncAttempts'] = async (...args) => {
    const start = performance.now()
    const rows = await store.syncAttempts(...args)
    micros.push((performance.now() - start) * 1000)
    return rows
  }
  return { store: { ...store, syncAttempts }, micros }
}

const begin = async (store: TurnStore, user: string): Promise<BeginTurn> => {
  const turn = newTurn('new', { user_id: user, id: '' })
  const { outcome } = await store.beginTurn(turn)
  if (outcome !== 'begun') throw new Error(`a turn was ${outcome}`)
  return turn
}

const logOf = (turn: BeginTurn) => createAttemptLog({ ...turn, attempt: 1 })

/** The heartbeat of an instance that runs some turns and follows others. */
const instance = (url: string, runs: BeginTurn[], follows: BeginTurn[]) => {
  const own = connect({ url, max: 10, prepare: 'auto' })
  const { store, micros } = timed(createTurnStore(own))
  const warn = (_: object, text: string) => {
    throw new Error(text)
  }
  const heartbeat = createHeartbeat({ store, leaseMs: 15_000, log: { warn } })
  const spoken = runs.map(logOf)
  const followed = follows.map(logOf)
  const stops = [
    ...spoken.map((log) => heartbeat.hold(log, (signal) => warn({}, `a turn was to ${signal}`)).release),
    ...followed.map((log) => heartbeat.follow(log, () => warn({}, 'a turn has ended'))),
  ]
  return {
    micros,
    followed,
    say() {
      const events = Array.from({ length: eventsATick }, () => ({
        type: 'text-delta' as const,
        delta: wordToken,
      }))
      for (const log of spoken) log.append(...events)
    },
    async stop() {
      for (const stop of stops) stop()
      await own.close()
    },
  }
}

/** Measures the ticks of two instances that each run `count` turns and follow the other's. */
const measure = async (url: string, sql: postgres.Sql, count: number, { seconds, signal }: Bench) => {
  const db = connect({ url, max: 10, prepare: 'auto' })
  const store = createTurnStore(db)
  const turns = await Promise.all(
    Array.from({ length: 2 * count }, (_, n) => begin(store, `tick-${count}-${n}`)),
  )
  await db.close()
  const inside = async () => {
    const [row] = await sql<{ calls: number; ms: number }[]>`
      select calls::int, total_time as ms from pg_stat_user_functions where funcname = 'sync_attempts'`
    return row ?? { calls: 0, ms: 0 }
  }
  const before = await inside()
  const [mine, yours] = [turns.slice(0, count), turns.slice(count)]
  const instances = [instance(url, mine, yours), instance(url, yours, mine)]
  let said = 0
  try {
    for (const end = performance.now() + seconds * 1000; performance.now() < end; said += eventsATick) {
      for (const { say } of instances) say()
      await sleep(sayEveryMs, undefined, { signal })
    }
    const logs = instances.flatMap(({ followed }) => followed)
    const isWhole = () => logs.every(({ events }) => events.length === said)
    for (let n = 0; n < 100 && !isWhole(); n += 1) await sleep(100, undefined, { signal })
    if (!isWhole()) throw new Error('a follower did not receive every event')
  } finally {
    // PostgreSQL adds a connection's statistics when it closes.
    await Promise.all(instances.map(({ stop }) => stop()))
  }
  const after = await inside()
  return {
    insideMs: (after.ms - before.ms) / (after.calls - before.calls),
    ticks: after.calls - before.calls,
    ...latencyOf(instances.flatMap(({ micros }) => micros)),
  }
}

/** Measures an instance's tick as the number of turns grows. */
const run = async (bench: Bench) => {
  const { progress } = bench
  const url = await bench.database()
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await seed(sql, [others], () => {})
    await sql`alter database ${sql(new URL(url).pathname.slice(1))} set track_functions = 'pl'`
    const rows: Cell[][] = []
    for (const count of counts) {
      progress(`${count} turns that run, and ${count} that are followed`)
      const { insideMs, ticks, p50, p99 } = await measure(url, sql, count, bench)
      rows.push([count, ticks, insideMs, ((1000 * insideMs) / (2 * count)).toFixed(0), p50, p99])
    }
    return {
      tables: [
        {
          title: `The tick of an instance, each turn another user's, about ${eventsATick} new events a turn`,
          columns: [
            'turns that run, and that are followed',
            'ticks',
            'inside PostgreSQL ms',
            'µs a turn',
            'end to end p50 ms',
            'p99 ms',
          ],
          rows,
          notes: [
            `Two instances, each running so many turns and following the other's, over a table of ${((others.users * others.conversations * others.messages) / 2).toLocaleString('en-GB')} turns. Inside PostgreSQL: the mean of what it says of the function, without the commit. End to end: the statement as the instance sees it.`,
          ],
        },
      ],
    }
  } finally {
    await sql.end({ timeout: 1 })
  }
}

export const tick: Part = { name: 'tick', run }
