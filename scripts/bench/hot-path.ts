import postgres from 'postgres'
import { connect } from '../../src/db/connect.js'
import type { Database } from '../../src/db/database.js'
import { type BeginTurn, beginTurns } from '../../src/turns/store/begin-turns.js'
import { endTurns } from '../../src/turns/store/end-turns.js'
import { createTurnStore, type TurnStore } from '../../src/turns/store/turn-store.js'
import { bareDriver, ceilingPlot, pgbench, pgbenchVersion } from './ceiling.js'
import type { Bench, Part } from './part.js'
import { pipelinedBegin, pipelinedEnd } from './pipelined.js'
import { newestOf, type Owned, seed } from './seed.js'
import { endOf, type Kind, newTurn } from './turn.js'

const poolSize = 10
/** The number of concurrent turns. */
const concurrency = 100
const plot = { prefix: 'user', users: concurrency, conversations: 1, messages: 40 }

type Way = (db: Database, turn: BeginTurn) => Promise<void>

/** Two calls per turn, without batching. */
const functions: Way = async (db, turn) => {
  const [begun] = await beginTurns(db, [turn], false)
  if (begun?.outcome !== 'begun') throw new Error(`a turn was ${begun?.outcome}`)
  await endTurns(db, [endOf(turn)], false)
}

const stores = new WeakMap<Database, TurnStore>()

/** The program's own way: group commit. */
const batches: Way = async (db, turn) => {
  const store = stores.get(db) ?? createTurnStore(db)
  stores.set(db, store)
  const { outcome } = await store.beginTurn(turn)
  if (outcome !== 'begun') throw new Error(`a turn was ${outcome}`)
  await store.endTurn(endOf(turn))
}

const pipelined: Way = async (db, turn) => {
  await pipelinedBegin(db, turn)
  await pipelinedEnd(db, turn, `Echo: ${turn.message}`)
}

const turnsPerSecond = async (bench: Bench, url: string, kind: Kind, owned: Owned[], way: Way) => {
  const db = connect({ url, max: poolSize, prepare: 'auto' })
  const start = performance.now()
  const end = start + bench.seconds * 1000
  let turns = 0
  const work = async (owner: Owned) => {
    for (; performance.now() < end && !bench.signal.aborted; turns += 1) await way(db, newTurn(kind, owner))
  }
  try {
    await Promise.all(owned.map(work))
    return turns / ((performance.now() - start) / 1000)
  } finally {
    await db.close()
  }
}

/**
 * Compares ways to write a turn, with Colloquy's database layer and without HTTP: two SQL function calls per turn, the same
 * calls in batches, and two pipelined transactions of one statement each. All make the same row changes.
 */
const run = async (bench: Bench) => {
  const { rounds, seconds, folder, signal, progress } = bench
  const url = await bench.database()
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  await seed(sql, [plot, ceilingPlot], () => {})
  const owned = await newestOf(sql, plot.prefix)
  await sql.end()
  const version = await pgbenchVersion()
  const ceiling = { url, connections: poolSize, seconds, folder, signal }
  const ways: { name: string; measure: (kind: Kind) => Promise<number> }[] = [
    ...(version
      ? [{ name: 'functions, pgbench', measure: (kind: Kind) => pgbench({ ...ceiling, kind }) }]
      : []),
    { name: 'functions, bare driver', measure: (kind) => bareDriver({ ...ceiling, kind }) },
    { name: 'functions', measure: (kind) => turnsPerSecond(bench, url, kind, owned, functions) },
    {
      name: 'functions, by the batch',
      measure: (kind) => turnsPerSecond(bench, url, kind, owned, batches),
    },
    { name: 'pipelined transactions', measure: (kind) => turnsPerSecond(bench, url, kind, owned, pipelined) },
  ]
  const figures = ways.map(() => ({ new: [] as number[], continued: [] as number[] }))
  for (let round = 1; round <= rounds; round += 1) {
    for (const kind of ['new', 'continued'] as const) {
      for (const [i, { name, measure }] of ways.entries()) {
        const perSecond = await measure(kind)
        figures[i]?.[kind].push(perSecond)
        progress(`round ${round}: ${kind}, ${name}: ${perSecond.toFixed(0)} turns/s`)
      }
    }
  }
  const mean = (values: number[] = []) => values.reduce((sum, value) => sum + value, 0) / values.length
  return {
    tables: [
      {
        title: `Ways to write a turn, turns per second with ${poolSize} connections`,
        columns: ['how', 'new conversations', 'continued'],
        rows: ways.map(({ name }, i) => [name, mean(figures[i]?.new), mean(figures[i]?.continued)]),
        notes: [
          "The last three go through Colloquy's own database layer in one process, a hundred turns at a time; pgbench and the bare driver have ten at a time.",
        ],
      },
    ],
  }
}

export const hotPath: Part = { name: 'hot-path', run }
