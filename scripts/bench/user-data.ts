import postgres from 'postgres'
import type { Bench, Part, Table, Target } from './part.js'
import { residentMegabytes } from './process.js'
import { sampleDuring } from './sample-during.js'
import { seed } from './seed.js'
import type { Server } from './server.js'
import { callsOf } from './user.js'

/** A client gives up on an answer that does not begin by then, and so do proxies. */
const wantedEraseSeconds = 60
/** What an export may add to the server's memory, in MB: some pages, and what the garbage collector leaves for later. */
const wantedExportMegabytes = 100
const sampleMs = 100

interface Measured {
  seconds: number
  megabytes: number
  messages: number
}

/** Reads an export to its end. Rejects when it is cut. */
const readExport = async (url: string, user: string, signal: AbortSignal): Promise<Measured> => {
  const { path, headers } = (await callsOf(user)).get('/export')
  const start = performance.now()
  const response = await fetch(`${url}${path}`, { headers, signal })
  if (response.status !== 200) throw new Error(`the export is ${response.status}`)
  const decoder = new TextDecoder()
  let bytes = 0
  let messages = 0
  let tail = ''
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    const text = tail + decoder.decode(chunk, { stream: true })
    messages += text.split('{"type":"message"').length - tail.split('{"type":"message"').length
    tail = text.slice(-20)
  }
  if (!tail.endsWith('{"type":"end"}\n')) throw new Error('the export was cut')
  return { seconds: (performance.now() - start) / 1000, megabytes: bytes / 1e6, messages }
}

const erase = async (url: string, user: string, signal: AbortSignal): Promise<Measured> => {
  const { path, headers } = (await callsOf(user)).get(`?confirm=${user}`)
  const start = performance.now()
  const response = await fetch(`${url}${path}`, { method: 'DELETE', headers, signal })
  if (response.status !== 200) throw new Error(`the erasure is ${response.status}`)
  const { rows } = (await response.json()) as { rows: { messages: number } }
  return { seconds: (performance.now() - start) / 1000, megabytes: 0, messages: rows.messages }
}

/** Exports and erases these users, whose data is gone afterwards. */
export const userDataCost = async (
  { signal }: Bench,
  { url, pid }: Server,
  users: { label: string; user: string }[],
): Promise<{ table: Table; targets: Target[] }> => {
  const rows: Table['rows'] = []
  const targets: Target[] = []
  for (const { label, user } of users) {
    const before = await residentMegabytes(pid)
    const [exported, during] = await sampleDuring(readExport(url, user, signal), sampleMs, () =>
      residentMegabytes(pid),
    )
    const most = Math.max(before, ...during)
    const erased = await erase(url, user, signal)
    for (const [what, { seconds, megabytes, messages }] of [
      ['export', exported],
      ['erase', erased],
    ] as const)
      rows.push([
        `${what}, ${label}`,
        messages,
        megabytes === 0 ? '' : megabytes.toFixed(0),
        seconds.toFixed(2),
        Math.round(messages / seconds),
        what === 'export' ? `${before.toFixed(0)} / ${most.toFixed(0)}` : '',
      ])
    targets.push({
      what: `memory that an export adds, ${label}`,
      wanted: `at most ${wantedExportMegabytes} MB`,
      measured: (most - before).toFixed(0),
      isMet: most - before <= wantedExportMegabytes,
    })
    targets.push({
      what: `erase, ${label}`,
      wanted: `at most ${wantedEraseSeconds} s`,
      measured: erased.seconds.toFixed(1),
      isMet: erased.seconds <= wantedEraseSeconds,
    })
  }
  return {
    table: {
      title: "All of a user's data over HTTP, once",
      columns: ['operation', 'messages', 'MB', 'seconds', 'messages per second', 'server MB, before / most'],
      rows,
    },
    targets,
  }
}

/** The same in a table of its own: half of its messages are one conversation, and half are those of many. */
const run = async (bench: Bench) => {
  const messages = Math.min(Math.ceil(bench.rows / 4) * 2, 500_000)
  const url = await bench.database()
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const plots = [
      { prefix: 'long', users: 1, conversations: 1, messages },
      { prefix: 'most', users: 1, conversations: messages / 2, messages: 2 },
    ]
    await seed(sql, plots, bench.progress)
    const server = await bench.server({ env: { DATABASE_URL: url, NODE_ENV: 'production' } })
    const { table, targets } = await userDataCost(bench, server, [
      { label: 'one long conversation', user: 'long-000000' },
      { label: 'many short conversations', user: 'most-000000' },
    ])
    return { tables: [table], targets }
  } finally {
    await sql.end({ timeout: 1 })
  }
}

export const userData: Part = { name: 'user-data', run }
