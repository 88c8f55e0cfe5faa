import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { backendPids } from './backends.js'
import { holdOpen } from './hold.js'
import { killedInstance } from './killed-instance.js'
import { latencyOf, makeLoad } from './load.js'
import type { Bench, Cell, Part, Table, Target } from './part.js'
import { cpuSeconds, residentMegabytes } from './process.js'
import { sampleDuring } from './sample-during.js'
import { callsOf } from './user.js'

const steps = [10, 25, 50, 100, 200, 400]
/** Less than this is no growth. */
const growth = 1.05
const wantedStreamKiB = 20
const thinkMs = 10_000
/** As many streams of updates as a user may have open on an instance. */
const streamsOfUser = 20

/** Processor seconds that the whole machine has spent. */
const machineCpu = (): number =>
  cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1000

interface Share {
  /** cores in use: the server's, PostgreSQL's, the load generator's, the whole machine's */
  server: number
  postgres: number
  load: number
  machine: number
}

/** What ends the growth of turns a second. */
const bottleneckOf = ({ server, machine }: Share): string => {
  const cores = cpus().length
  if (server > 0.9) return "the instance's thread"
  if (machine > 0.9 * cores) return `the processor: ${cores} cores for all of it`
  return 'waiting: commits, and turns that wait for a batch'
}

/** Turns a second as connections grow, until they no longer do. */
const turnsPerSecond = async (bench: Bench): Promise<Table> => {
  const { seconds, signal, progress, quick } = bench
  const url = await bench.database()
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const server = await bench.server({ env: { DATABASE_URL: url, NODE_ENV: 'production' } })
    const users = await Promise.all(Array.from({ length: 400 }, (_, n) => callsOf(`capacity-${n}`)))
    const calls = users.map(({ chat }) => [chat()])
    const send = (connections: number, time: number) =>
      makeLoad({ url: server.url, connections, calls, until: { seconds: time } }, signal)
    await send(100, 2 * seconds)
    const rows: Cell[][] = []
    let most = 0
    for (const connections of quick ? steps.slice(0, 2) : steps) {
      const pids = await backendPids(sql)
      const cpu = async () => {
        const [instance, database] = await Promise.all([cpuSeconds([server.pid]), cpuSeconds(pids)])
        return { server: instance, postgres: database, machine: machineCpu(), at: performance.now() / 1000 }
      }
      const before = await cpu()
      const load = await send(connections, seconds)
      const after = await cpu()
      const share: Share = {
        server: (after.server - before.server) / load.seconds,
        postgres: (after.postgres - before.postgres) / load.seconds,
        load: load.cpuSeconds / load.seconds,
        // The load generator's start counts here, too.
        machine: (after.machine - before.machine) / (after.at - before.at),
      }
      const perSecond = load.micros.length / load.seconds
      progress(`${connections} connections: ${perSecond.toFixed(0)} turns/s`)
      const { p50, p99 } = latencyOf(load.micros)
      const has = perSecond >= most * growth
      rows.push([
        connections,
        perSecond,
        p50,
        p99,
        ...[share.server, share.postgres, share.load, share.machine].map((cores) => cores.toFixed(2)),
        has ? 'grows' : bottleneckOf(share),
      ])
      most = Math.max(most, perSecond)
      if (!has) break
    }
    const table: Table = {
      title: `Turns a second of one instance with 10 connections to a database on the same ${cpus().length} cores`,
      columns: [
        'clients',
        'turns/s',
        'p50 ms',
        'p99 ms',
        'server cores',
        'PostgreSQL cores',
        'load cores',
        'machine cores',
        'what ends it',
      ],
      rows,
      notes: [
        'New conversations, messages of 200 characters, the echo model. Each row has more clients that send the next message as soon as they have an answer, until turns a second grow by less than 5 %.',
      ],
    }
    return table
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Memory of an instance by what it holds open. */
const openStreams = async (
  bench: Bench,
  count: number,
): Promise<{ row: Cell[]; kiB: number; held: number }> => {
  const url = await bench.database()
  const limits = { CHAT_MAX_CONNECTIONS: String(2 * count), CHAT_MAX_STREAMS: String(2 * count) }
  const server = await bench.server({ env: { DATABASE_URL: url, NODE_ENV: 'production', ...limits } })
  const callsFor = async (name: string, length: number) => {
    const users = await Promise.all(
      Array.from({ length: Math.ceil(length / streamsOfUser) }, (_, n) => callsOf(`${name}-${n}`)),
    )
    const call = ({ get }: (typeof users)[number]) => {
      const { headers, ...rest } = get('/updates')
      return { ...rest, headers: { ...headers, accept: 'text/event-stream' } }
    }
    return users.flatMap((user) => Array.from({ length: streamsOfUser }, () => call(user))).slice(0, length)
  }
  // Once warm, so that what is measured is the streams and not code that is compiled.
  const warm = await holdOpen({ url: server.url, calls: await callsFor('warm', count / 10) }, bench.signal)
  await warm.release()
  await sleep(3_000)
  const before = await residentMegabytes(server.pid)
  const holding = await holdOpen({ url: server.url, calls: await callsFor('holder', count) }, bench.signal)
  try {
    await sleep(3_000)
    const { begun, ended } = await holding.count()
    const after = await residentMegabytes(server.pid)
    const held = begun - ended
    const kiB = ((after - before) * 1e6) / 1024 / Math.max(1, held)
    return { row: ['streams of updates', count, held, before, after, kiB.toFixed(1)], kiB, held }
  } finally {
    await holding.release()
    await server.stop()
  }
}

/** Turns that wait for a slow model, all at once. */
const slowTurns = async (bench: Bench, count: number): Promise<{ row: Cell[]; done: number }> => {
  const { signal } = bench
  const url = await bench.database()
  const server = await bench.server({
    program: ['dist/scripts/bench/waiting-server.js'],
    env: { DATABASE_URL: url, BENCH_THINK_MS: String(thinkMs), BENCH_CONNECTIONS: String(2 * count) },
  })
  const senders = await Promise.all(
    Array.from({ length: count }, async (_, n) => [(await callsOf(`slow-${n}`)).chat()]),
  )
  const before = await residentMegabytes(server.pid)
  const sent = makeLoad(
    { url: server.url, connections: count, calls: senders, until: { calls: count } },
    signal,
  )
  const [load, memory] = await sampleDuring(sent, 200, () => residentMegabytes(server.pid))
  await server.stop()
  const most = Math.max(...memory)
  const { p50, p99 } = latencyOf(load.micros)
  const kiB = (((most - before) * 1e6) / 1024 / count).toFixed(1)
  return {
    row: [count, load.micros.length, load.seconds, p50 / 1000, p99 / 1000, before, most, kiB],
    done: load.micros.length,
  }
}

/** Finds what one instance and one database of this machine hold, and what ends it. */
const run = async (bench: Bench) => {
  const { quick, progress } = bench
  const many = quick ? 400 : 10_000
  const turns = await turnsPerSecond(bench)
  progress(`${many} streams`)
  const streams = await openStreams(bench, many)
  progress(`${many} turns of ${thinkMs / 1000} s`)
  const slow = await slowTurns(bench, many)
  progress('an instance that is killed')
  const killed = await killedInstance(bench, quick ? 20 : 200)
  const targets: Target[] = [
    {
      what: `streams open at once, of ${many}`,
      wanted: 'all',
      measured: streams.held,
      isMet: streams.held === many,
    },
    {
      what: 'memory of a stream',
      wanted: `at most ${wantedStreamKiB} KiB`,
      measured: streams.kiB.toFixed(1),
      isMet: streams.kiB <= wantedStreamKiB,
    },
    { what: `slow turns done, of ${many}`, wanted: 'all', measured: slow.done, isMet: slow.done === many },
    ...killed.targets,
  ]
  return {
    tables: [
      turns,
      {
        title: 'Open streams of one instance',
        columns: ['what', 'asked for', 'open', 'RSS MB before', 'RSS MB with them', 'KiB each'],
        rows: [streams.row],
      },
      {
        title: `Turns at once of one instance with 10 connections, a model that takes ${thinkMs / 1000} s`,
        columns: [
          'sent',
          'done',
          'all done s',
          'turn p50 s',
          'turn p99 s',
          'RSS MB before',
          'RSS MB, most',
          'KiB each',
        ],
        rows: [slow.row],
      },
      killed.table,
    ],
    targets,
  }
}

export const capacity: Part = { name: 'capacity', run }
