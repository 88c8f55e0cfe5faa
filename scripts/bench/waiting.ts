import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { latencyOf, makeLoad } from './load.js'
import type { Bench, Cell, Part } from './part.js'
import { residentMegabytes } from './process.js'
import { sampleDuring } from './sample-during.js'
import { newestOf, seed } from './seed.js'
import { callsOf } from './user.js'

const turns = 1_000
const thinkMs = 2_000
const wantedSeconds = 6
const wantedReadMs = 100
/** The interval of another user's reads, which do not wait for earlier responses. */
const readEveryMs = 10
const reader = { prefix: 'reader', users: 1, conversations: 20, messages: 40 }

/** The memory of an idle server, some time after its start. */
const idleMemory = async (bench: Bench, url: string): Promise<number> => {
  const server = await bench.server({ env: { DATABASE_URL: url, NODE_ENV: 'production' } })
  await sleep(2_000)
  const megabytes = await residentMegabytes(server.pid)
  await server.stop()
  return megabytes
}

/** Measures many concurrent turns with a slow model: total time, another user's read latency, and memory. */
const run = async (bench: Bench) => {
  const { signal, progress } = bench
  const url = await bench.database()
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  await seed(sql, [reader], () => {})
  const [owned] = await newestOf(sql, reader.prefix)
  await sql.end()
  if (!owned) throw new Error('the reader owns nothing')

  const served = await idleMemory(bench, url)
  const server = await bench.server({
    program: ['dist/scripts/bench/waiting-server.js'],
    env: { DATABASE_URL: url, BENCH_THINK_MS: String(thinkMs) },
  })
  const { get } = await callsOf(owned.user_id)
  const reads = ['/conversations', `/conversations/${owned.id}`, `/conversations/${owned.id}/messages`].map(
    get,
  )
  let count = 0
  const read = async (): Promise<number> => {
    const call = reads[count++ % reads.length] ?? get('/conversations')
    const start = performance.now()
    const response = await fetch(`${server.url}${call.path}`, { headers: call.headers, signal })
    await response.arrayBuffer()
    if (response.status !== 200) throw new Error(`a read answered ${response.status}`)
    return (performance.now() - start) * 1000
  }
  const senders = await Promise.all(
    Array.from({ length: turns }, async (_, n) => [(await callsOf(`sender-${n}`)).chat()]),
  )
  const send = () =>
    makeLoad({ url: server.url, connections: turns, calls: senders, until: { calls: turns } }, signal)

  const [, alone] = await sampleDuring(sleep(thinkMs), readEveryMs, read)
  const nobody = latencyOf(alone)
  const rows: Cell[][] = [
    ['nobody', '–', '–', '–', nobody.p50, nobody.p99, await residentMegabytes(server.pid)],
  ]
  let worst = { seconds: 0, readMs: 0 }
  // The first run is cold.
  for (const name of ['1,000, cold', '1,000, warm', '1,000, warm']) {
    progress(`${name}: ${turns} turns of ${thinkMs} ms`)
    const [[load, felt], memory] = await sampleDuring(sampleDuring(send(), readEveryMs, read), 50, () =>
      residentMegabytes(server.pid),
    )
    const turn = latencyOf(load.micros)
    const others = latencyOf(felt)
    rows.push([
      name,
      load.seconds,
      turn.p50 / 1000,
      turn.p99 / 1000,
      others.p50,
      others.p99,
      Math.max(...memory),
    ])
    worst = { seconds: Math.max(worst.seconds, load.seconds), readMs: Math.max(worst.readMs, others.p99) }
    await sleep(1_000)
  }
  const after = await residentMegabytes(server.pid)
  return {
    tables: [
      {
        title: `${turns.toLocaleString('en-GB')} turns at once, a model that takes ${thinkMs / 1000} s, 10 connections to the database`,
        columns: [
          'who sends',
          'all done s',
          'turn p50 s',
          'turn p99 s',
          'read p50 ms',
          'read p99 ms',
          'RSS MB, most',
        ],
        rows,
        notes: [
          `Reads are another user's: lists and single rows in turn, one each ${readEveryMs} ms. They are counted from when the senders' process starts until it ends.`,
        ],
      },
      {
        title: 'Memory of an instance',
        columns: ['when', 'RSS MB'],
        rows: [
          ['`colloquy serve`, idle', served],
          [
            'with 1,000 turns waiting for the model, most',
            Math.max(...rows.slice(1).map((row) => Number(row[6]))),
          ],
          ['a second after', after],
        ],
      },
    ],
    targets: [
      {
        what: 'all 1,000 turns done, the worst run',
        wanted: `under ${wantedSeconds} s`,
        measured: worst.seconds,
        isMet: worst.seconds < wantedSeconds,
      },
      {
        what: "p99 of another user's reads meanwhile, the worst run",
        wanted: `under ${wantedReadMs} ms`,
        measured: worst.readMs,
        isMet: worst.readMs < wantedReadMs,
      },
    ],
  }
}

export const waiting: Part = { name: 'waiting', run }
