import { setMaxListeners } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StreamEvent } from '../../src/turns/stream/ui-message-stream.js'
import { missingPoolerReason, startPooler, throughPooler } from '../pooler.js'
import { firstEvent, type Heard, listen, speechOf } from './listen.js'
import { latencyOf } from './load.js'
import type { Bench, Cell, Part, Target } from './part.js'
import type { Speech } from './speech.js'
import { type Call, callsOf } from './user.js'

const speech: Speech = { words: 200, everyMs: 25, stamped: true }
const counts = [1, 100]
const resumeEveryMs = 50
const wantedLateMs = 300
const wantedFirstMs = 50

interface FollowSamples {
  /** what the followers on the other instance received */
  heard: Heard[]
  /** repeated resumes of one turn: from the start, and after a known event */
  replays: Heard[]
  resumes: Heard[]
}

type Turn = Extract<StreamEvent, { type: 'data-turn' }>['data']

/** Begins a turn on one instance, and resolves with its path as soon as its id arrives. */
const begin = async (url: string, user: string, signal: AbortSignal) => {
  const call = await speechOf(user, speech)
  let resolveTurn: (turn: Turn) => void
  const begun = new Promise<Turn>((resolve) => {
    resolveTurn = resolve
  })
  const { heard } = listen({
    url,
    call,
    signal,
    onEvent: (event) => event?.type === 'data-turn' && resolveTurn(event.data),
  })
  const { turn_id } = await Promise.race([
    begun,
    heard.then(() => Promise.reject(new Error('the stream ended without a data-turn event'))),
  ])
  return { path: `/turns/${turn_id}/stream`, heard }
}

/** Repeatedly resumes a turn on another instance until it has ended, each time up to the first event. */
const resume = async (
  url: string,
  call: Call,
  ended: Promise<Heard>,
  after: string | undefined,
  signal: AbortSignal,
) => {
  const heard: Heard[] = []
  let isOver = false
  const over = ended.finally(() => {
    isOver = true
  })
  while (!isOver) {
    const { first, leave } = listen({ url, call, after, signal })
    const one = await Promise.race([first.catch(() => undefined), over.then(() => undefined)])
    leave()
    if (one && !isOver) heard.push(one)
    await sleep(resumeEveryMs, undefined, { signal })
  }
  return heard
}

/** Runs `count` turns on one instance and follows each of them on the other. */
const follow = async (
  [from, to]: [string, string],
  count: number,
  signal: AbortSignal,
): Promise<FollowSamples> => {
  const users = Array.from({ length: count }, (_, n) => `follower-${n}`)
  const each = users.map(async (user) => {
    const { path, heard } = await begin(from, user, signal)
    const following = listen({ url: to, call: (await callsOf(user)).get(path), signal }).heard
    return Promise.all([following, heard])
  })
  // A turn without other followers there, so that each resume queries the database.
  const resumed = async (after: string | undefined) => {
    const user = `resumer-${after ?? 0}`
    const { path, heard } = await begin(from, user, signal)
    return resume(to, (await callsOf(user)).get(path), heard, after, signal)
  }
  const [heard, replays, resumes] = await Promise.all([Promise.all(each), resumed(undefined), resumed('1-2')])
  for (const pair of heard) {
    for (const { words } of pair)
      if (words !== speech.words) throw new Error(`a follower heard ${words} words`)
  }
  return { heard: heard.map(([following]) => following), replays, resumes }
}

/** Measures following and resuming turns of another instance. */
const run = async (bench: Bench) => {
  const { quick, folder, signal, progress } = bench
  setMaxListeners(0, signal)
  const url = await bench.database()
  const pooler = missingPoolerReason
    ? undefined
    : await startPooler({ folder: join(folder, 'pooler'), clusterUrl: url, logins: [], poolSize: 20 })
  const ways = [
    { name: 'direct', url },
    ...(pooler ? [{ name: 'PgBouncer', url: throughPooler(url, pooler.port) }] : []),
  ]
  const rows: Cell[][] = []
  const resumeRows: Cell[][] = []
  const targets: Target[] = []
  const aim = (what: string, wantedMs: number, ms: number) =>
    targets.push({ what, wanted: `under ${wantedMs} ms`, measured: ms, isMet: ms < wantedMs })
  try {
    for (const way of ways) {
      const start = () =>
        bench.server({ program: ['dist/scripts/bench/speaking-server.js'], env: { DATABASE_URL: way.url } })
      const [from, to] = await Promise.all([start(), start()])
      await follow([from.url, to.url], 10, signal)
      for (const count of counts) {
        progress(`${way.name}: ${count} followed turns`)
        const all: FollowSamples[] = []
        for (let n = 0; n < (quick ? 1 : 2); n += 1) all.push(await follow([from.url, to.url], count, signal))
        const late = latencyOf(all.flatMap(({ heard }) => heard.flatMap(({ micros }) => micros)))
        rows.push([way.name, count, late.p50, late.p95, late.p99])
        aim(`p95 of an event's way to a follower, ${count} turns, ${way.name}`, wantedLateMs, late.p95)
        for (const [kind, heard] of [
          ['from the start', all.flatMap(({ replays }) => replays)],
          ['from Last-Event-ID', all.flatMap(({ resumes }) => resumes)],
        ] as const) {
          const first = firstEvent(heard)
          resumeRows.push([way.name, count, kind, heard.length, first.p50, first.p99])
          aim(`p99 of a resume's first event, ${kind}, ${count} turns, ${way.name}`, wantedFirstMs, first.p99)
        }
      }
      await Promise.all([from.stop(), to.stop()])
    }
  } finally {
    await pooler?.stop()
  }
  const seconds = (speech.words * speech.everyMs) / 1000
  return {
    tables: [
      {
        title: "An event's way from the model on one instance to a follower on another",
        columns: ['database', 'turns at once', 'p50 ms', 'p95 ms', 'p99 ms'],
        rows,
        notes: [
          `Turns of ${seconds} s, a word every ${speech.everyMs} ms, each followed on the other instance, where two more are resumed. ${missingPoolerReason ? 'There was no PgBouncer.' : 'PgBouncer is in transaction mode.'} Followers have to get every event in order.`,
        ],
      },
      {
        title: 'The first event of a resume on another instance, which nobody follows there',
        columns: ['database', 'turns at once', 'how', 'resumes', 'p50 ms', 'p99 ms'],
        rows: resumeRows,
        notes: [
          `One every ${resumeEveryMs} ms and more, from the request to the first event, connecting included.`,
        ],
      },
    ],
    targets,
  }
}

export const following: Part = { name: 'follow', run }
