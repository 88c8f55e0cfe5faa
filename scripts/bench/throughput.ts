import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { backendPids } from './backends.js'
import { bareDriver, ceilingPlot, type Kind, pgbench, pgbenchVersion } from './ceiling.js'
import { type Load, latencyOf, makeLoad } from './load.js'
import type { Bench, Cell, Part, Target } from './part.js'
import { cpuSeconds } from './process.js'
import { newestOf, seed } from './seed.js'
import type { Call } from './user.js'
import { callsOf } from './user.js'

const connectionCounts = [1, 10, 100, 500]
const poolSize = 10
const wantedRatio = 0.7
const kinds: Kind[] = ['new', 'continued']
const plot = { prefix: 'user', users: 500, conversations: 1, messages: 40 }

interface Sample {
  perSecond: number
  ceilingPerSecond: number
  micros: number[]
  /** milliseconds of a processor for each turn: the server's, PostgreSQL's, those of whoever made the load */
  cpuMs: [number, number, number]
}

const perTurn = (cpuSeconds: number, { micros }: Load): number => (1000 * cpuSeconds) / micros.length

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0)
const mean = (values: number[]): number => sum(values) / values.length

const rowOf = (kind: Kind, connections: number, samples: Sample[]): Cell[] => {
  const perSecond = mean(samples.map((sample) => sample.perSecond))
  const ceiling = mean(samples.map((sample) => sample.ceilingPerSecond))
  const { p50, p99 } = latencyOf(samples.flatMap(({ micros }) => micros))
  const cpuMs = [0, 1, 2].map((i) => mean(samples.map((sample) => sample.cpuMs[i] ?? 0)).toFixed(2))
  return [
    kind,
    connections,
    perSecond,
    p50,
    p99,
    ceiling,
    (perSecond / ceiling).toFixed(2),
    cpuMs.join(' / '),
  ]
}

/** Turns per second over HTTP beside what PostgreSQL makes of the same turns, measured in turns. */
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
      // Turns whose clients have gone come to their end.
      await sleep(500)
      const ceilingPerSecond = await ceiling(kind, connections)
      return {
        perSecond: load.micros.length / load.seconds,
        ceilingPerSecond,
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
      await ceiling(kind, poolSize, 1)
    }
    const samples = new Map<string, Sample[]>()
    for (let round = 1; round <= rounds; round += 1) {
      for (const kind of kinds) {
        for (const connections of connectionCounts) {
          const sample = await measure(kind, connections)
          const name = `${kind} ${connections}`
          samples.set(name, [...(samples.get(name) ?? []), sample])
          const { perSecond, ceilingPerSecond } = sample
          progress(
            `round ${round}: ${kind}, ${connections} connections: ${perSecond.toFixed(0)} turns/s; ceiling ${ceilingPerSecond.toFixed(0)}`,
          )
        }
      }
    }
    const cells = kinds.flatMap((kind) =>
      connectionCounts.map((connections) =>
        rowOf(kind, connections, samples.get(`${kind} ${connections}`) ?? []),
      ),
    )
    const targets = kinds.map((kind): Target => {
      const ratio = String(cells.find((row) => row[0] === kind && row[1] === 100)?.[6])
      return {
        what: `turns per second at 100 connections, ${kind} conversations, to the ceiling's`,
        wanted: `at least ${wantedRatio.toFixed(2)}`,
        measured: ratio,
        isMet: Number(ratio) >= wantedRatio,
      }
    })
    const columns = [
      'conversations',
      'connections',
      'turns/s',
      'p50 ms',
      'p99 ms',
      'ceiling turns/s',
      'ratio',
      'processor ms a turn',
    ]
    return {
      tables: [
        {
          title: 'Turns over HTTP',
          columns,
          rows: cells,
          notes: [
            `The ceiling is ${version ?? 'the bare driver'} with as many connections, at most the ${poolSize} of the server's pool, calling the same functions with arguments of the same size; the two take turns. Continued conversations have 40 messages and more, which is a full history window. Processor time: the server's / PostgreSQL's / the load generator's.`,
          ],
        },
      ],
      targets,
    }
  } finally {
    await sql.end({ timeout: 1 })
  }
}

export const throughput: Part = { name: 'throughput', run }
