import { createServer } from 'node:http'
import { latencyOf, makeLoad } from './load.js'
import type { Bench, Cell, Part } from './part.js'
import { cpuSeconds } from './process.js'
import { type Call, callsOf } from './user.js'

const connections = 100
const users = 200

/** A collector that takes all and keeps nothing, in a process that has its processor time from the load's, not the server's. */
const startCollector = (signal: AbortSignal): Promise<string> =>
  new Promise((resolve) => {
    const server = createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(200).end())
    })
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`)
    })
    server.unref()
    signal.addEventListener('abort', () => server.closeAllConnections(), { once: true })
  })

/** What traces cost a turn: the same program without them, with a tenth of all traces and with all of them, taking turns. */
const run = async (bench: Bench) => {
  const { seconds, rounds, signal, progress } = bench
  const collector = await startCollector(signal)
  const on = { OTEL_EXPORTER_OTLP_ENDPOINT: collector }
  const variants: [name: string, env: Record<string, string>][] = [
    ['off', {}],
    ['a tenth', { ...on, OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' }],
    ['all', on],
  ]
  const url = await bench.database()
  const calls: Call[][] = await Promise.all(
    Array.from({ length: users }, async (_, n) => [(await callsOf(`traced-${n}`)).chat()]),
  )
  const started = await Promise.all(
    variants.map(async ([name, env]) => {
      const server = await bench.server({ env: { DATABASE_URL: url, NODE_ENV: 'production', ...env } })
      return { name, server, micros: [] as number[], seconds: 0, cpu: 0 }
    }),
  )
  for (let round = 0; round <= rounds; round += 1) {
    for (const variant of started) {
      const { server } = variant
      const before = await cpuSeconds([server.pid])
      const load = await makeLoad({ url: server.url, connections, calls, until: { seconds } }, signal)
      const cpu = (await cpuSeconds([server.pid])) - before
      progress(
        `round ${round}: traces ${variant.name}: ${(load.micros.length / load.seconds).toFixed(0)} turns/s`,
      )
      // The first round warms up.
      if (round === 0) continue
      for (const micros of load.micros) variant.micros.push(micros)
      variant.seconds += load.seconds
      variant.cpu += cpu
    }
  }
  const rows = started.map(({ name, micros, seconds, cpu }): Cell[] => {
    const { p50, p99 } = latencyOf(micros)
    return [name, micros.length / seconds, p50, p99, ((1_000 * cpu) / micros.length).toFixed(3)]
  })
  return {
    tables: [
      {
        title: `Traces, at ${connections} connections`,
        columns: ['traces', 'turns/s', 'p50 ms', 'p99 ms', "the server's processor ms a turn"],
        rows,
        notes: ['New conversations, the echo model; a collector on this machine, which keeps nothing.'],
      },
    ],
  }
}

export const traces: Part = { name: 'traces', run }
