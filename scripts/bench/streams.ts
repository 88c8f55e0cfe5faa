import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { backendPids } from './backends.js'
import { firstEvent, type Heard, listen, speechOf } from './listen.js'
import { latencyOf } from './load.js'
import type { Bench, Cell, Part } from './part.js'
import { cpuSeconds, residentMegabytes } from './process.js'
import { sampleDuring } from './sample-during.js'
import type { Speech } from './speech.js'

const speech: Speech = { words: 200, everyMs: 25, stamped: true }
/** Besides the words: start, data-turn, start-step, text-start, text-end, finish-step, finish and [DONE]. */
const eventsOf = ({ words }: Speech): number => words + 8
const ways = ['stored', 'nothing stored'] as const

interface Sample {
  seconds: number
  heard: Heard[]
  megabytes: number
  serverCpu: number
  postgresCpu: number
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Streams one turn per user at the same time. Throws unless every listener receives every event in order. */
const speak = async (url: string, users: number, speech: Speech, signal: AbortSignal): Promise<Heard[]> => {
  const calls = await Promise.all(Array.from({ length: users }, (_, n) => speechOf(`listener-${n}`, speech)))
  const heard = await Promise.all(calls.map((call) => listen({ url, call, signal }).heard))
  for (const { events, words } of heard) {
    if (words !== speech.words || events !== eventsOf(speech)) {
      throw new Error(`a listener received ${words} words in ${events} events`)
    }
  }
  return heard
}

const rowOf = (way: string, samples: Sample[], events: number): { cells: Cell[]; figures: number[] } => {
  const heard = samples.flatMap((sample) => sample.heard)
  const first = firstEvent(heard)
  const late = latencyOf(heard.flatMap(({ micros }) => micros))
  const figures = [
    mean(samples.map(({ seconds }) => seconds)),
    first.p50,
    first.p99,
    late.p50,
    late.p99,
    Math.max(...samples.map(({ megabytes }) => megabytes)),
    (1e6 * mean(samples.map(({ serverCpu }) => serverCpu))) / events,
    (1e6 * mean(samples.map(({ postgresCpu }) => postgresCpu))) / events,
  ]
  return { cells: [way, ...figures], figures }
}

/** Compares many concurrent streams on one instance with and without storing their events. */
const run = async (bench: Bench) => {
  const { quick, rounds, signal, progress } = bench
  const streams = quick ? 100 : 500
  const events = streams * eventsOf(speech)
  setMaxListeners(0, signal)
  const url = await bench.database()
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const servers = await Promise.all(
      ways.map((way) =>
        bench.server({
          program: ['dist/scripts/bench/speaking-server.js'],
          env: { DATABASE_URL: url, ...(way === 'stored' ? {} : { BENCH_STORES: 'nothing' }) },
        }),
      ),
    )
    for (const { url } of servers) await speak(url, 50, { ...speech, words: 50 }, signal)
    const samples = ways.map((): Sample[] => [])
    for (let round = 1; round <= rounds; round += 1) {
      for (const [i, { url, pid }] of servers.entries()) {
        const pids = await backendPids(sql)
        const cpu = () => Promise.all([cpuSeconds([pid]), cpuSeconds(pids)])
        const before = await cpu()
        const start = performance.now()
        const [heard, memory] = await sampleDuring(speak(url, streams, speech, signal), 100, () =>
          residentMegabytes(pid),
        )
        const seconds = (performance.now() - start) / 1000
        const after = await cpu()
        samples[i]?.push({
          seconds,
          heard,
          megabytes: Math.max(...memory),
          serverCpu: after[0] - before[0],
          postgresCpu: after[1] - before[1],
        })
        progress(`round ${round}: ${streams} streams, ${ways[i]}: ${seconds.toFixed(1)} s`)
        await sleep(500)
      }
    }
    const rows = ways.map((way, i) => rowOf(way, samples[i] ?? [], events))
    const [stored, unstored] = rows
    const ratios = stored?.figures.map((value, i) => (value / (unstored?.figures[i] ?? 0)).toFixed(2)) ?? []
    return {
      tables: [
        {
          title: `${streams} streams of ${speech.words} words at once, a word every ${speech.everyMs} ms, one instance, 10 connections`,
          columns: [
            'while they run',
            'all done s',
            'first event p50 ms',
            'p99 ms',
            'event late p50 ms',
            'p99 ms',
            'RSS MB, most',
            'processor µs an event',
            "PostgreSQL's µs an event",
          ],
          rows: [...rows.map(({ cells }) => cells), ['ratio', ...ratios]],
          notes: [
            `A stream is ${eventsOf(speech)} events, and lasts ${(speech.words * speech.everyMs) / 1000} s where nothing is late. The first event is counted from the request, all requests being sent at once; an event is late by the time from when the model said it to when its listener had it. Where nothing is stored, the tick goes out without the events. Processor time is all that was spent, divided by all events, begins and ends included.`,
          ],
        },
      ],
      targets: [
        {
          what: `listeners that got every event in order, of ${streams * rounds * ways.length}`,
          wanted: 'all',
          measured: 'all',
          isMet: true,
        },
      ],
    }
  } finally {
    await sql.end({ timeout: 1 })
  }
}

export const streams: Part = { name: 'streams', run }
