import { setTimeout as sleep } from 'node:timers/promises'
import { createParser } from 'eventsource-parser'
import { speechOf } from './listen.js'
import { latencyOf } from './load.js'
import type { Bench, Table, Target } from './part.js'
import type { Speech } from './speech.js'
import { type Call, callsOf } from './user.js'

/** Longer than all of it takes. */
const speech: Speech = { words: 600, everyMs: 100, stamped: true }
const speakMs = 3_000
const pauseMs = 250
const wantedSeconds = 20

interface Reader {
  turnId: string
  lastId: string
  /** resolves when its instance is gone */
  lost: Promise<void>
}

/** Reads a stream; each event with its id. Resolves at its end, however it ends. */
const readStream = async (
  url: string,
  { method, path, headers, body }: Call,
  signal: AbortSignal,
  onEvent: (event: { type?: string; data?: { turn_id?: string } } | undefined, id: string) => void,
  onAnswer = () => {},
): Promise<void> => {
  const response = await fetch(url + path, { method, headers, ...(body !== undefined && { body }), signal })
  if (response.status !== 200 || !response.body) throw new Error(`a stream answered ${response.status}`)
  onAnswer()
  const parser = createParser({
    onEvent: ({ id = '', data }) => onEvent(data === '[DONE]' ? undefined : JSON.parse(data), id),
  })
  const decoder = new TextDecoder()
  for await (const bytes of response.body) parser.feed(decoder.decode(bytes, { stream: true }))
}

const startReader = async (url: string, call: Call, signal: AbortSignal): Promise<Reader> => {
  const reader = { turnId: '', lastId: '', lost: Promise.resolve() }
  await new Promise<void>((resolve, reject) => {
    reader.lost = readStream(url, call, signal, (event, id) => {
      if (id) reader.lastId = id
      if (event?.type !== 'data-turn') return
      reader.turnId = event.data?.turn_id ?? ''
      resolve()
    }).catch(reject)
  })
  return reader
}

/** Goes on reading elsewhere, as a client does. Gives the seconds until it is answered there, and until the turn's end. */
const goOn = async (url: string, call: Call, reader: Reader, since: number, signal: AbortSignal) => {
  const after = () => (performance.now() - since) / 1000
  let first: number | undefined
  for (;;) {
    let isDone = false
    const headers = { ...call.headers, 'last-event-id': reader.lastId }
    await readStream(
      url,
      { ...call, headers },
      signal,
      (event, id) => {
        if (id) reader.lastId = id
        isDone ||= event === undefined
      },
      () => {
        first ??= after()
      },
    ).catch(() => {})
    signal.throwIfAborted()
    if (isDone) return { first: first ?? after(), end: after() }
    await sleep(pauseMs)
  }
}

/** Kills an instance with readers of running turns, who go on with another one. */
export const killedInstance = async (
  bench: Bench,
  readers: number,
): Promise<{ table: Table; targets: Target[] }> => {
  const { signal } = bench
  const url = await bench.database()
  const options = { program: ['dist/scripts/bench/speaking-server.js'], env: { DATABASE_URL: url } }
  const [killed, other] = await Promise.all([bench.server(options), bench.server(options)])
  const reading = await Promise.all(
    Array.from({ length: readers }, async (_, n) => {
      const user = `reader-${n}`
      const reader = await startReader(killed.url, await speechOf(user, speech), signal)
      const { get } = await callsOf(user)
      const call = get(`/turns/${reader.turnId}/stream`)
      return { reader, call: { ...call, headers: { ...call.headers, accept: 'text/event-stream' } } }
    }),
  )
  await sleep(speakMs)
  process.kill(killed.pid, 'SIGKILL')
  const since = performance.now()
  const found = await Promise.all(
    reading.map(async ({ reader, call }) => {
      await reader.lost.catch(() => {})
      return goOn(other.url, call, reader, since, signal)
    }),
  )
  const first = latencyOf(found.map((one) => one.first * 1e6))
  const end = latencyOf(found.map((one) => one.end * 1e6))
  const worst = Math.max(...found.map((one) => one.end))
  return {
    table: {
      title: `An instance killed under ${readers} readers of running turns, who go on with another one`,
      columns: ['s after the kill', 'p50', 'p99'],
      rows: [
        ['the other instance answers', first.p50 / 1000, first.p99 / 1000],
        ['the end of the turn, which is interrupted', end.p50 / 1000, end.p99 / 1000],
      ],
      notes: [
        'A turn is interrupted when its lease of 15 s has run out and nobody has renewed it for a second more.',
      ],
    },
    targets: [
      {
        what: 'the last reader knows how its turn ended',
        wanted: `within ${wantedSeconds} s`,
        measured: `${worst.toFixed(1)} s`,
        isMet: worst <= wantedSeconds,
      },
    ],
  }
}
