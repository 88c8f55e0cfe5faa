import postgres, { type Sql } from 'postgres'
import { latencyOf, makeLoad } from './load.js'
import type { Bench, Cell, Part, Table, Target } from './part.js'
import { printPlans } from './plans.js'
import { newestOf, type Plot, seed } from './seed.js'
import { turnInside } from './turn.js'
import { callsOf } from './user.js'
import { userDataCost } from './user-data.js'

const wantedRatio = 1.2
/** Turns that are not measured. */
const warmUp = 10
/** The maximum number of turns per size; each small conversation gets at most 10. */
const most = 1_000
const messagesOfOthers = 1_000
/** The big table's other users: 50 conversations of 20 messages each. */
const others = (rows: number): Plot => ({
  prefix: 'other',
  users: Math.ceil(rows / messagesOfOthers),
  conversations: 50,
  messages: 20,
})

interface Size extends Plot {
  label: string
}

/** Conversation sizes. The turns are spread over several conversations of each size, so that the small ones stay small. */
const conversationSizes = (quick: boolean): Size[] => [
  { label: '10', prefix: 'short', users: 400, conversations: 1, messages: 10 },
  { label: '1,000', prefix: 'middle', users: 100, conversations: 1, messages: 1_000 },
  { label: '100,000', prefix: 'long', users: quick ? 2 : 10, conversations: 1, messages: 100_000 },
]
/** Users by their number of conversations, all of the same size. */
const ownerSizes: Size[] = [
  { label: '1', prefix: 'few', users: 10, conversations: 1, messages: 2 },
  { label: '1,000', prefix: 'many', users: 10, conversations: 1_000, messages: 2 },
  { label: '100,000', prefix: 'most', users: 1, conversations: 100_000, messages: 2 },
]

/** Every `step`-th value, starting at `index`. */
const every = <T>(values: T[], step: number, index: number): T[] =>
  values.filter((_, i) => i % step === index)

const median = (values: number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

/** The ratio of the largest size's median to the smallest's. */
const ratioOf = (medians: number[]): number => (medians.at(-1) ?? 0) / (medians[0] ?? 0)

const ratioTarget = (what: string, medians: number[]): Target => {
  const ratio = ratioOf(medians)
  return {
    what: `${what}, largest to smallest`,
    wanted: `at most ${wantedRatio}`,
    measured: ratio.toFixed(2),
    isMet: ratio <= wantedRatio,
  }
}

const rowOf = (what: string, values: number[], unit: (value: number) => Cell): Cell[] => [
  what,
  ...values.map(unit),
  ratioOf(values).toFixed(2),
]

const pick = <T>(values: T[], n: number): T => {
  const value = values[n % values.length]
  if (value === undefined) throw new Error('there is nothing to pick from')
  return value
}

const turnCost = async (
  bench: Bench,
  sql: Sql,
  url: string,
): Promise<{ table: Table; targets: Target[] }> => {
  const { signal, seconds, quick } = bench
  const sizes = conversationSizes(quick)
  const owned = await Promise.all(sizes.map(({ prefix }) => newestOf(sql, prefix)))
  const calls = await Promise.all(
    owned.map((list) => Promise.all(list.map(async ({ user_id, id }) => (await callsOf(user_id)).chat(id)))),
  )
  const inside = sizes.map(() => ({ ms: [] as number[], pages: [] as number[] }))
  // The first turns warm up plans and caches. The sizes alternate.
  const end = performance.now() + 3 * seconds * 1000
  for (let n = 0; n < most && performance.now() < end; n += 1) {
    for (const [i, list] of owned.entries()) {
      const { ms, pages } = await turnInside(sql, pick(list, n))
      if (n < warmUp) continue
      inside[i]?.ms.push(ms)
      inside[i]?.pages.push(pages)
    }
  }
  const sequence = Array.from({ length: most * sizes.length }, (_, n) =>
    pick(pick(calls, n), Math.floor(n / sizes.length)),
  )
  const { micros } = await makeLoad(
    { url, connections: 1, calls: [sequence], until: { seconds: 3 * seconds } },
    signal,
  )
  micros.splice(0, warmUp * sizes.length)
  const ms = inside.map((size) => median(size.ms))
  const pages = inside.map((size) => median(size.pages))
  const overHttp = sizes.map((_, i) => latencyOf(every(micros, sizes.length, i)).p50)
  return {
    table: {
      title: 'A turn in conversations of so many messages, medians',
      columns: ['cost', ...sizes.map(({ label }) => label), 'ratio'],
      rows: [
        rowOf('inside PostgreSQL, ms', ms, (value) => value.toFixed(3)),
        rowOf('pages that it touches', pages, (value) => value),
        rowOf('over HTTP, ms', overHttp, (value) => value.toFixed(2)),
      ],
      notes: [
        'Inside PostgreSQL: the execution time of begin_turns and end_turns in `explain analyze`, without the commit. The shortest conversations do not fill the history window of 40 messages: each starts with 10 and grows by 2 with each of its few turns.',
      ],
    },
    targets: [
      ratioTarget('a turn inside PostgreSQL', ms),
      ratioTarget('a turn inside PostgreSQL, full windows', ms.slice(1)),
      ratioTarget('a turn over HTTP', overHttp),
    ],
  }
}

const readCost = async (
  bench: Bench,
  sql: Sql,
  url: string,
): Promise<{ table: Table; targets: Target[] }> => {
  const { signal, seconds } = bench
  const owned = await Promise.all(ownerSizes.map(({ prefix }) => newestOf(sql, prefix)))
  const reads = [
    { name: 'listConversations, limit 1', path: () => '/conversations?limit=1' },
    { name: 'listConversations, limit 20', path: () => '/conversations' },
    { name: 'getConversation', path: (id: string) => `/conversations/${id}` },
    { name: 'listMessages', path: (id: string) => `/conversations/${id}/messages` },
  ]
  const kinds = reads.flatMap(({ path }) =>
    owned.map((list) => async (n: number) => {
      const { user_id, id } = pick(list, n)
      return (await callsOf(user_id)).get(path(id))
    }),
  )
  const calls = await Promise.all(
    Array.from({ length: kinds.length * 10 }, (_, n) => pick(kinds, n)(Math.floor(n / kinds.length))),
  )
  const { micros } = await makeLoad(
    { url, connections: 1, calls: [calls], until: { seconds: 3 * seconds } },
    signal,
  )
  micros.splice(0, warmUp * kinds.length)
  const medians = reads.map((_, i) =>
    ownerSizes.map((_, j) => latencyOf(every(micros, kinds.length, i * ownerSizes.length + j)).p50),
  )
  return {
    table: {
      title: 'A read over HTTP by users who own so many conversations, medians in ms',
      columns: ['operation', ...ownerSizes.map(({ label }) => label), 'ratio'],
      rows: reads.map(({ name }, i) => rowOf(name, medians[i] ?? [], (value) => value.toFixed(2))),
      notes: ['A user with one conversation gets only that one in a list of 20.'],
    },
    targets: reads
      .map(({ name }, i) => ratioTarget(name, medians[i] ?? []))
      .filter(({ what }) => !what.includes('limit 20')),
  }
}

/** Measures turns and reads as conversations, users and the table grow. */
const run = async (bench: Bench) => {
  const { rows, quick, verbose, progress } = bench
  const url = await bench.database()
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const sizes = [...conversationSizes(quick), ...ownerSizes]
    const ours = sizes.reduce((sum, plot) => sum + plot.users * plot.conversations * plot.messages, 0)
    await seed(sql, [others(Math.max(0, rows - ours)), ...sizes], progress)
    const [{ messages = 0, gigabytes = 0 } = {}] = await sql<{ messages: number; gigabytes: number }[]>`
      select (select count(*) from colloquy.messages)::int as messages,
        pg_database_size(current_database()) / 1e9::float as gigabytes`
    const server = await bench.server({ env: { DATABASE_URL: url, NODE_ENV: 'production' } })
    progress('turns')
    const turn = await turnCost(bench, sql, server.url)
    progress('reads')
    const read = await readCost(bench, sql, server.url)
    if (verbose) await printPlans(sql, 'long', 'most')
    progress('exports and erasures')
    // Last: what they erase is gone.
    const data = await userDataCost(bench, server, [
      { label: 'one long conversation', user: 'long-000000' },
      { label: 'many short conversations', user: 'most-000000' },
    ])
    const size = `${messages.toLocaleString('en-GB')} messages, ${gigabytes.toFixed(1)} GB`
    return {
      tables: [{ ...turn.table, title: `${turn.table.title} (${size})` }, read.table, data.table],
      targets: [...turn.targets, ...read.targets, ...data.targets],
    }
  } finally {
    await sql.end({ timeout: 1 })
  }
}

export const growth: Part = { name: 'growth', run }
