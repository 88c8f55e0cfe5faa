import type { Bench, Table, Target } from './part.js'
import { callsOf } from './user.js'

/** A client gives up on an answer that does not begin by then, and so do proxies. */
const wantedEraseSeconds = 60

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
  url: string,
  users: { label: string; user: string }[],
): Promise<{ table: Table; targets: Target[] }> => {
  const rows: Table['rows'] = []
  const targets: Target[] = []
  for (const { label, user } of users) {
    const exported = await readExport(url, user, signal)
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
      ])
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
      columns: ['operation', 'messages', 'MB', 'seconds', 'messages per second'],
      rows,
    },
    targets,
  }
}
