import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { backendPids } from './backends.js'
import { bareDriver, ceilingPlot, pgbench, pgbenchVersion } from './ceiling.js'
import { connectionCost } from './connection-cost.js'
import { costOf } from './cost.js'
import { type Load, latencyOf, makeLoad } from './load.js'
import { minimalCeiling } from './minimal-ceiling.js'
import type { Bench, Cell, Part, Target } from './part.js'
import { cpuSeconds } from './process.js'
import { newestOf, seed } from './seed.js'
import type { Kind } from './turn.js'
import type { Call } from './user.js'
import { callsOf } from './user.js'

const connectionCounts = [1, 10, 100, 500, 2_000]
const poolSize = 10
const kinds: Kind[] = ['new', 'continued']
/** The target at 100 connections, as a share of the minimal ceiling. */
const wantedRatio: Record<Kind, number> = { new: 0.7, continued: 0.55 }
/** The target at more connections, as a share of the throughput at 100. */
const wantedAtMore = 0.9
const wantedP99Ms = 60
/** One conversation per connection, so that no turn waits for another. */
const plot = { prefix: 'user', users: 2_000, conversations: 1, messages: 40 }

interface Sample {
  perSecond: number
  ceilingPerSecond: number
  /** undefined without pgbench */
  minimalPerSecond: number | undefined
  micros: number[]
  /** CPU milliseconds per turn: the server's, PostgreSQL's, the load generator's */
  cpuMs: [number, number, number]
}

const perTurn = (cpuSeconds: number, { micros }: Load): number => (1000 * cpuSeconds) / micros.length

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0)
const mean = (values: number[]): number => sum(values) / values.length

/** Summarizes the rounds of one measurement. */
const summary = (kind: Kind, connections: number, samples: Sample[]) => {
  const perSecond = mean(samples.map((sample) => sample.perSecond))
  const ceiling = mean(samples.map((sample) => sample.ceilingPerSecond))
  const minimal = mean(samples.map((sample) => sample.minimalPerSecond ?? Number.NaN))
  const cpuMs = [0, 1, 2].map((i) => mean(samples.map((sample) => sample.cpuMs[i] ?? 0)).toFixed(2))
  const { p50, p99 } = latencyOf(samples.flatMap(({ micros }) => micros))
  return { kind, connections, perSecond, ceiling, minimal, cpuMs: cpuMs.join(' / '), p50, p99 }
}
type Summary = ReturnType<typeof summary>

const columns = [
  'conversations',
  'connections',
  'turns/s',
  'p50 ms',
  'p99 ms',
  'ceiling turns/s',
  'ratio',
  'minimal ceiling turns/s',
  'ratio to it',
  'processor ms a turn',
]

const toRow = ({ kind, connections, perSecond, ceiling, minimal, cpuMs, p50, p99 }: Summary): Cell[] => [
  kind,
  connections,
  perSecond,
  p50,
  p99,
  ceiling,
  (perSecond / ceiling).toFixed(2),
  ...(Number.isNaN(minimal) ? ['-', '-'] : [minimal, (perSecond / minimal).toFixed(2)]),
  cpuMs,
]

const targetsOf = (kind: Kind, all: Summary[]): Target[] => {
  const mine = all.filter((one) => one.kind === kind)
  const at100 = mine.find(({ connections }) => connections === 100)
  if (!at100) return []
  const ratio = at100.perSecond / at100.minimal
  return [
    {
      what: `turns/s at 100 connections, ${kind} conversations, to the minimal ceiling's`,
      wanted: `at least ${wantedRatio[kind].toFixed(2)}`,
      measured: Number.isNaN(ratio) ? 'no pgbench' : ratio.toFixed(2),
      isMet: ratio >= wantedRatio[kind],
    },
    {
      what: `p99 at 100 connections, ${kind} conversations`,
      wanted: `at most ${wantedP99Ms} ms`,
      measured: at100.p99,
      isMet: at100.p99 <= wantedP99Ms,
    },
    ...mine
      .filter(({ connections }) => connections > 100)
      .map(({ connections, perSecond }) => ({
        what: `turns/s at ${connections} connections, ${kind} conversations, to those at 100`,
        wanted: `at least ${wantedAtMore}`,
        measured: (perSecond / at100.perSecond).toFixed(2),
        isMet: perSecond / at100.perSecond >= wantedAtMore,
      })),
  ]
}

/** Compares turns per second over HTTP with what PostgreSQL alone achieves. The measurements alternate. */
const run = async (bench: Bench) => {
  const { seconds, rounds, folder, signal, progress } = bench
  const url = await bench.database()
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await seed(sql, [plot, ceilingPlot], () => {})
    const users = await newestOf(sql, plot.prefix)
    const calls: Record<Kind, Call[][]> = { new: [], continued: [] }
    for (const { user_id, id } of users) {
      const { chat } = await callsOf(user_id)
      calls.new.push([chat()])
      calls.continued.push([chat(id)])
    }
    const server = await bench.server({ env: { DATABASE_URL: url, NODE_ENV: 'production' } })
    const version = await pgbenchVersion()
    const minimal = version === undefined ? undefined : await minimalCeiling(bench)
    const ceiling = (kind: Kind, connections: number, time = seconds) =>
      (version ? pgbench : bareDriver)({
        url,
        kind,
        connections: Math.min(connections, poolSize),
        seconds: time,
        folder,
        signal,
      })

    const measure = async (kind: Kind, connections: number): Promise<Sample> => {
      const pids = await backendPids(sql)
      const before = await Promise.all([cpuSeconds([server.pid]), cpuSeconds(pids)])
      const load = await makeLoad(
        { url: server.url, connections, calls: calls[kind], until: { seconds } },
        signal,
      )
      const after = await Promise.all([cpuSeconds([server.pid]), cpuSeconds(pids)])
      // Lets the turns of disconnected clients end.
      await sleep(500)
      const ceilingPerSecond = await ceiling(kind, connections)
      const minimalPerSecond = await minimal?.(Math.min(connections, poolSize), seconds)
      return {
        perSecond: load.micros.length / load.seconds,
        ceilingPerSecond,
        minimalPerSecond,
        micros: load.micros,
        cpuMs: [
          perTurn(after[0] - before[0], load),
          perTurn(after[1] - before[1], load),
          perTurn(load.cpuSeconds, load),
        ],
      }
    }

    for (const kind of kinds) {
      progress(`warming up: ${kind} conversations`)
      await makeLoad(
        { url: server.url, connections: 100, calls: calls[kind], until: { seconds: Math.min(seconds, 4) } },
        signal,
      )
      await ceiling(kind, poolSize, Math.min(seconds, 4))
    }
    const samples = new Map<string, Sample[]>()
    for (let round = 1; round <= rounds; round += 1) {
      for (const kind of kinds) {
        for (const connections of connectionCounts) {
          const sample = await measure(kind, connections)
          const name = `${kind} ${connections}`
          samples.set(name, [...(samples.get(name) ?? []), sample])
          const { perSecond, ceilingPerSecond, minimalPerSecond = 0 } = sample
          progress(
            `round ${round}: ${kind}, ${connections} connections: ${perSecond.toFixed(0)} turns/s; ceiling ${ceilingPerSecond.toFixed(0)}, minimal ${minimalPerSecond.toFixed(0)}`,
          )
        }
      }
    }
    const summaries = kinds.flatMap((kind) =>
      connectionCounts.map((connections) =>
        summary(kind, connections, samples.get(`${kind} ${connections}`) ?? []),
      ),
    )
    const costs: Cell[][] = []
    let deadlocks = 0
    for (const kind of kinds) {
      progress(`counting what turns cost: ${kind} conversations`)
      const cost = await costOf(sql, signal, async () => {
        const until = { seconds }
        return (await makeLoad({ url: server.url, connections: 100, calls: calls[kind], until }, signal))
          .micros.length
      })
      costs.push([kind, cost.transactions.toFixed(2), cost.pages, cost.wal])
      deadlocks = cost.deadlocks
    }
    const at100 = summaries.find(({ kind, connections }) => kind === 'new' && connections === 100)
    const many = connectionCounts.filter((connections) => connections >= 100)
    const waiting = await connectionCost(bench, many, at100?.perSecond ?? 1_000)
    return {
      tables: [
        {
          title: 'Turns over HTTP',
          columns,
          rows: summaries.map(toRow),
          notes: [
            `The ceiling is ${version ?? 'the bare driver'} with as many connections, at most the ${poolSize} of the server's pool, calling the same functions a turn at a time with arguments of the same size. The minimal ceiling is pgbench with the least work that a durable turn in a new conversation can be (ceiling.sql), in a database of its own. All take turns. Continued conversations have 40 messages and more, which is a full history window. Processor time: the server's / PostgreSQL's / the load generator's.`,
          ],
        },
        {
          title: 'What a turn costs PostgreSQL, at 100 connections',
          columns: ['conversations', 'transactions', 'pages touched', 'WAL bytes'],
          rows: costs,
          notes: ['A statement of the program is a transaction, and holds a batch of turns.'],
        },
        waiting,
      ],
      targets: [
        ...kinds.flatMap((kind) => targetsOf(kind, summaries)),
        { what: 'deadlocks', wanted: '0', measured: deadlocks, isMet: deadlocks === 0 },
      ],
    }
  } finally {
    await sql.end({ timeout: 1 })
  }
}

export const throughput: Part = { name: 'throughput', run }
