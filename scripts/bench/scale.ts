import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import postgres, { type Sql } from 'postgres'
import { packageRoot } from '../../src/root.js'
import { removeExpired } from '../../src/turns/store/remove-expired.js'
import { latencyOf, makeLoad } from './load.js'
import type { Bench, Cell, Part, Target } from './part.js'
import { grow, keepOthers, others } from './scale-seed.js'
import { indexAll, searcher, searches, writeTexts } from './search.js'
import { queries } from './search-queries.js'
import { newestOf, type Owned, type Plot, seed } from './seed.js'
import { bareDatabase, turnInside } from './turn.js'
import { callsOf } from './user.js'

const wantedRatio = 1.2
const stages = 3
/** Users at work: all that their turns touch is in memory. */
const speaker: Plot = { prefix: 'speaker', users: 100, conversations: 1, messages: 400 }
/** Users whose conversations expire, one user at each size. */
const leaver: Plot = { prefix: 'leaver', users: stages, conversations: 5, messages: 1_000 }
const turnsAtOnce = 100
const warmUp = 20
const removedRows = 1_000

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

/** A figure at each size. */
interface Figure {
  what: string
  values: number[]
  /** whether it must not grow with the table */
  isHeld: boolean
}

/** A turn inside PostgreSQL, in conversations that are taken in order. */
const turns = async (sql: Sql, owned: Owned[], count: number) => {
  const measured = []
  for (let n = 0; n < count; n += 1) {
    const owner = owned[n % owned.length]
    if (!owner) throw new Error('there is nobody to speak')
    measured.push(await turnInside(sql, owner))
  }
  const warm = measured.slice(warmUp)
  return { ms: median(warm.map(({ ms }) => ms)), pages: median(warm.map(({ pages }) => pages)) }
}

const turnsPerSecond = async (url: string, owned: Owned[], { seconds, signal }: Bench): Promise<number> => {
  const calls = await Promise.all(owned.map(async ({ user_id, id }) => [(await callsOf(user_id)).chat(id)]))
  const load = await makeLoad({ url, connections: turnsAtOnce, calls, until: { seconds } }, signal)
  return load.micros.length / load.seconds
}

const read = async (
  url: string,
  owned: Owned[],
  path: (id: string) => string,
  { seconds, signal }: Bench,
) => {
  const calls = await Promise.all(
    owned.map(async ({ user_id, id }) => (await callsOf(user_id)).get(path(id))),
  )
  const { micros } = await makeLoad({ url, connections: 1, calls: [calls], until: { seconds } }, signal)
  return latencyOf(micros.slice(warmUp)).p50
}

/** Lets the user's conversations expire, and removes them. Resolves with the time of the longest statement, and of all. */
const removal = async (sql: Sql, userId: string): Promise<{ longest: number; all: number }> => {
  await sql`
    with expired as (
      update colloquy.conversations set expires_at = now() - interval '1 minute' where user_id = ${userId}
      returning user_id, id, expires_at
    )
    insert into colloquy.removals (user_id, conversation_id, remove_at) select user_id, id, expires_at from expired`
  const ms: number[] = []
  for (let outcome = 'more'; outcome === 'more'; ) {
    const start = performance.now()
    outcome = await removeExpired(bareDatabase(sql), {
      claim: randomUUID(),
      leaseMs: 0,
      retention: undefined,
      rows: removedRows,
    })
    ms.push(performance.now() - start)
  }
  const [{ left } = { left: -1 }] = await sql<{ left: number }[]>`
    select count(*)::int as left from colloquy.messages where user_id = ${userId}`
  if (left !== 0) throw new Error(`${left} messages are left of ${userId}`)
  return { longest: Math.max(...ms), all: ms.reduce((sum, one) => sum + one, 0) }
}

/** All figures at one size of the table. */
const measure = async (bench: Bench, sql: Sql, url: string, stage: number) => {
  const { progress } = bench
  const speakers = await newestOf(sql, speaker.prefix)
  const wanderers = await sql<Owned[]>`
    select user_id, id from (
      select c.user_id, c.id from colloquy.conversations c
      join colloquy.turns t on t.user_id = c.user_id and t.id = c.last_turn_id
      where c.user_id >= 'other' and c.user_id < 'othes'
    ) c order by random() limit 1000`
  progress('turns')
  const first = wanderers.splice(0, Math.min(200, wanderers.length / 2))
  const cold = await turns(sql, first, first.length)
  const warm = await turns(sql, speakers, 500)
  const warmPerSecond = await turnsPerSecond(url, speakers, bench)
  const coldPerSecond = await turnsPerSecond(url, wanderers, bench)
  progress('lists, searches, a removal')
  const conversations = await read(url, speakers, () => '/conversations', bench)
  const messages = await read(url, speakers, (id) => `/conversations/${id}/messages`, bench)
  const { p95 } = await searches(url, queries, bench)
  const removed = await removal(sql, `${leaver.prefix}-00000${stage}`)
  const [{ bytes = 0, index = 0 } = {}] = await sql<{ bytes: number; index: number }[]>`
    select pg_relation_size('colloquy.messages')::float as bytes, pg_indexes_size('colloquy.messages')::float as index`
  return [
    { what: 'a turn of a user at work, ms in PostgreSQL', value: warm.ms, isHeld: true },
    { what: 'pages that it touches', value: warm.pages, isHeld: true },
    { what: 'a turn of a user who comes back, ms in PostgreSQL', value: cold.ms, isHeld: false },
    { what: `turns/s, ${turnsAtOnce} at once, of users at work`, value: warmPerSecond, isHeld: false },
    { what: `turns/s, ${turnsAtOnce} at once, of users who come back`, value: coldPerSecond, isHeld: false },
    { what: 'listConversations over HTTP, p50 ms', value: conversations, isHeld: true },
    { what: 'listMessages over HTTP, p50 ms', value: messages, isHeld: true },
    { what: 'searchMessages, 100,000 messages of the user, p95 ms', value: p95, isHeld: true },
    { what: 'removal of 5 conversations of 1,000 messages, ms', value: removed.all, isHeld: true },
    { what: 'the longest of its statements, ms', value: removed.longest, isHeld: false },
    { what: 'messages, GB', value: bytes / 1e9, isHeld: false },
    { what: 'their indexes, GB', value: index / 1e9, isHeld: false },
  ]
}

/** What partitions cost a turn where there are few messages. */
const partitions = async (bench: Bench): Promise<{ whole: number; parts: number }> => {
  const statements = await readFile(new URL('scripts/bench/partitioned.sql', packageRoot), 'utf8')
  const urls = [await bench.database(), await bench.database()]
  const [whole, parts] = urls.map((url) => postgres(url, { max: 1, onnotice: () => {} }))
  if (!whole || !parts) throw new Error('there are two databases')
  try {
    await parts.unsafe(statements)
    const ms: { whole: number[]; parts: number[] } = { whole: [], parts: [] }
    for (const sql of [whole, parts]) await seed(sql, [speaker], () => {})
    const owned = await newestOf(whole, speaker.prefix)
    for (let n = 0; n < 1_000; n += 1) {
      const owner = owned[n % owned.length]
      if (!owner) throw new Error('there is nobody to speak')
      for (const [side, sql] of [['whole', whole] as const, ['parts', parts] as const]) {
        const inside = await turnInside(sql, owner)
        if (n >= warmUp) ms[side].push(inside.ms)
      }
    }
    return { whole: median(ms.whole), parts: median(ms.parts) }
  } finally {
    await Promise.all([whole, parts].map((sql) => sql.end({ timeout: 1 })))
  }
}

/** Measures the same at a hundredth, a tenth and the whole of `rows` messages of one table. */
const run = async (bench: Bench) => {
  const { rows, progress } = bench
  const databaseUrl = await bench.database()
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  try {
    const smallest = Math.ceil(rows / 10 ** (stages - 1))
    await seed(sql, [speaker, leaver, searcher, others(smallest)], progress)
    await writeTexts(sql)
    await keepOthers(sql)
    const server = await bench.server({
      env: {
        DATABASE_URL: databaseUrl,
        NODE_ENV: 'production',
        CHAT_USER_RUNNING_TURNS: '1000',
        CHAT_USER_WAITING_MESSAGES: '1000',
      },
    })
    progress('indexing')
    await indexAll(sql, server.url, bench)
    const figures = new Map<string, Figure>()
    const sizes: string[] = []
    for (let stage = 0; stage < stages; stage += 1) {
      if (stage > 0) await grow(sql, stage, progress)
      sizes.push(`${(smallest * 10 ** stage).toLocaleString('en-GB')} messages`)
      for (const { what, value, isHeld } of await measure(bench, sql, server.url, stage)) {
        const figure = figures.get(what) ?? { what, values: [], isHeld }
        figure.values.push(value)
        figures.set(what, figure)
      }
    }
    progress('partitions')
    const { whole, parts } = await partitions(bench)
    const ratio = ({ values }: Figure): number => (values.at(-1) ?? 0) / (values[0] ?? 0)
    const targets: Target[] = [...figures.values()]
      .filter(({ isHeld }) => isHeld)
      .map((figure) => ({
        what: `${figure.what}, largest table to smallest`,
        wanted: `at most ${wantedRatio}`,
        measured: ratio(figure).toFixed(2),
        isMet: ratio(figure) <= wantedRatio,
      }))
    return {
      tables: [
        {
          title: 'One table of messages as it grows',
          columns: ['cost', ...sizes, 'ratio'],
          rows: [...figures.values()].map((figure): Cell[] => [
            figure.what,
            ...figure.values,
            ratio(figure).toFixed(2),
          ]),
          notes: [
            'Users at work have been active just before; those who come back are drawn at random from the whole table, and what they need is read from the disk where memory is smaller than the table.',
          ],
        },
        {
          title:
            'A turn in PostgreSQL where messages are few, with one table of messages and with 16 partitions',
          columns: ['one table, ms', '16 partitions, ms', 'ratio'],
          rows: [[whole, parts, (parts / whole).toFixed(2)]],
        },
      ],
      targets,
    }
  } finally {
    await sql.end({ timeout: 1 })
  }
}

export const scale: Part = { name: 'scale', run }
