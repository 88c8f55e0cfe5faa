import postgres from 'postgres'
import { latencyOf, makeLoad } from './load.js'
import type { Bench, Cell, Part, Table } from './part.js'
import { newestOf, seed } from './seed.js'
import { type Call, callsOf } from './user.js'

/** How deep the branches' leaves are, in turns. */
const depth = 1_000
const wantedRatio = 1.2
const warmUp = 10
const plot = { prefix: 'walker', users: 3, conversations: 1, messages: 2 * depth }

type Send = (body: object) => Promise<{ message_id: string; user_message_id: string }>

interface Shape {
  label: string
  /** Brings a conversation of `depth` turns into this shape. */
  grow: (send: Send, firstMessageId: string) => Promise<void>
}

const shapes: Shape[] = [
  { label: 'never branched', grow: async () => {} },
  {
    label: 'branched at its beginning',
    async grow(send, firstMessageId) {
      // Other words for the second question, and all that follows them.
      await send({ message: 'beside', parent_id: firstMessageId })
      for (let n = 1; n < depth; n += 1) await send({ message: 'further' })
    },
  },
  {
    label: 'branched at each of the leaf’s turns',
    async grow(send) {
      for (let n = 0; n < depth; n += 1) {
        const { message_id } = await send({ message: 'further' })
        await send({ regenerate: message_id })
      }
    },
  },
]

const median = (micros: number[]): number => latencyOf(micros).p50

/** Measures what a branch costs whose leaf is a thousand turns deep: its turns, and reading it. */
const run = async (bench: Bench) => {
  const { seconds, signal, progress } = bench
  const databaseUrl = await bench.database()
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  try {
    await seed(sql, [plot], () => {})
    const owned = await newestOf(sql, plot.prefix)
    const server = await bench.server({ env: { DATABASE_URL: databaseUrl, NODE_ENV: 'production' } })
    const operations: { name: string; calls: Call[] }[] = [
      { name: 'a turn', calls: [] },
      { name: 'listMessages, the newest 20', calls: [] },
      { name: 'listMessages, branch=all', calls: [] },
    ]
    for (const [n, { user_id, id }] of owned.entries()) {
      const { label, grow } = shapes[n] as Shape
      progress(label)
      const user = await callsOf(user_id)
      const send: Send = async (body) => {
        const { path, headers } = user.chat(id)
        const options = {
          method: 'POST',
          headers,
          body: JSON.stringify({ conversation_id: id, ...body }),
          signal,
        }
        const response = await fetch(server.url + path, options)
        if (!response.ok) throw new Error(`a turn is ${response.status}: ${await response.text()}`)
        return (await response.json()) as Awaited<ReturnType<Send>>
      }
      const [first = { id: '' }] = await sql<{ id: string }[]>`
        select id from colloquy.messages
        where user_id = ${user_id} and conversation_id = ${id} and position = 2`
      await grow(send, first.id)
      const messages = `/conversations/${id}/messages?order=desc`
      operations[0]?.calls.push(user.chat(id))
      operations[1]?.calls.push(user.get(messages))
      operations[2]?.calls.push(user.get(`${messages}&branch=all`))
    }
    await sql`vacuum (analyze) colloquy.conversations, colloquy.turns, colloquy.messages, colloquy.branches`
    const rows: Cell[][] = []
    const ratios: number[] = []
    for (const { name, calls } of operations) {
      progress(name)
      const load = { url: server.url, connections: 1, calls: [calls], until: { seconds: 2 * seconds } }
      const { micros } = await makeLoad(load, signal)
      // The shapes take turns, so that what else the machine does meets all of them.
      const medians = calls.map((_, i) =>
        median(micros.slice(warmUp * calls.length).filter((_, n) => n % calls.length === i)),
      )
      const [plain = 1, ...branched] = medians
      if (name === 'a turn') ratios.push(...branched.map((ms) => ms / plain))
      rows.push([name, ...medians, Math.max(...branched) / plain])
    }
    const table: Table = {
      title: `A conversation whose active leaf is ${depth.toLocaleString('en-GB')} turns deep, medians over HTTP in ms`,
      columns: ['operation', ...shapes.map(({ label }) => label), 'highest ratio'],
      rows,
    }
    return {
      tables: [table],
      targets: ratios.map((ratio, n) => ({
        what: `a turn in a conversation ${shapes[n + 1]?.label}, to one never branched`,
        wanted: `at most ${wantedRatio}`,
        measured: ratio.toFixed(2),
        isMet: ratio <= wantedRatio,
      })),
    }
  } finally {
    await sql.end({ timeout: 1 })
  }
}

export const branches: Part = { name: 'branches', run }
