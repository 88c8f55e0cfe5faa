import { setTimeout as sleep } from 'node:timers/promises'
import postgres, { type Sql } from 'postgres'
import { primaryReads } from '../../src/db/reads.js'
import { findMatches } from '../../src/search/find-matches.js'
import { parseQuery } from '../../src/search/terms.js'
import { beginTurns } from '../../src/turns/store/begin-turns.js'
import { endTurns } from '../../src/turns/store/end-turns.js'
import { latencyOf, makeLoad } from './load.js'
import type { Bench, Cell, Part, Table, Target } from './part.js'
import { costlyQueries, type Kind, queries, vocabulary } from './search-queries.js'
import { newestOf, type Owned, type Plot, seed } from './seed.js'
import { bareDatabase, endOf, newTurn } from './turn.js'
import { callsOf } from './user.js'

const wantedMs = 50
const wantedRatio = 1.05
/** The user who searches: 100,000 messages. */
export const searcher: Plot = { prefix: 'searcher', users: 1, conversations: 5_000, messages: 20 }
const searcherId = 'searcher-000000'
/** Users whose turns are measured, with an index and without. */
const speakers = (prefix: string): Plot => ({ prefix, users: 50, conversations: 1, messages: 40 })
const indexBoundMs = 600_000
const warmUp = 20

/** Texts of 20 to 100 words; one in 1,000 has code in it. */
export const writeTexts = (sql: Sql) => sql`
  update colloquy.messages m
  set content = (
    select string_agg(${sql.json(vocabulary)}::jsonb ->> floor(power(random(), 3) * ${vocabulary.length})::int, ' ')
    from generate_series(1, 20 + (abs(hashtext(m.id::text)) % 80))
  ) || case when abs(hashtext(m.id::text)) % 1000 = 7 then ' call foo_bar(x)' else '' end
  where m.user_id = ${searcherId}`

/** Searches until the whole history is indexed. Resolves with the time, and the entries in it. */
export const indexAll = async (sql: Sql, url: string, { signal, progress }: Bench) => {
  const { path, headers } = (await callsOf(searcherId)).get('/search?q=nothing')
  const start = performance.now()
  for (let before = -1; ; ) {
    const response = await fetch(`${url}${path}`, { headers, signal })
    if (!response.ok) throw new Error(`search answered ${response.status}: ${await response.text()}`)
    await sleep(1_000, undefined, { signal })
    const [{ segments = 0 } = {}] = await sql<{ segments: number }[]>`
      select count(*)::int as segments from colloquy.search_segments where user_id = ${searcherId}`
    if (segments === before && segments > 0) {
      const [{ entries = 0, bytes = 0 } = {}] = await sql<{ entries: number; bytes: number }[]>`
        select sum(n)::int as entries, pg_total_relation_size('colloquy.search_segments')::float as bytes
        from colloquy.search_segments s, unnest(s.lengths) n where s.user_id = ${searcherId}`
      return { ms: performance.now() - start - 1_000, entries, bytes }
    }
    progress(`${segments} segments`)
    before = segments
    if (performance.now() - start > indexBoundMs) throw new Error('the index took too long')
  }
}

export const searches = async (url: string, asked: Kind[], { signal, seconds }: Bench) => {
  const user = await callsOf(searcherId)
  const calls = asked.map(({ q }) => user.get(`/search?${new URLSearchParams({ q })}`))
  const until = { seconds: 4 * seconds }
  const { micros } = await makeLoad({ url, connections: 1, calls: [calls], until }, signal)
  const warm = micros.slice(calls.length * 3)
  const rows = asked.map(({ kind, q }, i): Cell[] => {
    const { p50, p95 } = latencyOf(warm.filter((_, n) => n % calls.length === i))
    return [kind, q, p50, p95]
  })
  const { p50, p95 } = latencyOf(warm)
  return { rows: [...rows, ['all', '', p50, p95] as Cell[]], p95 }
}

/** begin_turn as it would be without an index to keep up. */
const withoutIndex = async (sql: Sql): Promise<void> => {
  const [{ text = '' } = {}] = await sql<{ text: string }[]>`
    select pg_get_functiondef(oid) as text from pg_proc where proname = 'begin_turn'`
  const stripped = text.replace(/insert into colloquy\.search_tails[\s\S]*?on conflict do nothing;/, '')
  if (stripped === text) throw new Error('begin_turn has nothing to do with the index')
  await sql.unsafe(stripped)
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

interface Side {
  label: string
  sql: Sql
  owned: Owned[]
  ms: number[]
}

/** The time of a turn's two calls over one connection, the sides by turns. */
const turnCosts = async (sides: Side[], { seconds }: Bench): Promise<void> => {
  const end = performance.now() + 6 * seconds * 1000
  for (let n = 0; performance.now() < end; n += 1) {
    for (let i = 0; i < sides.length; i += 1) {
      const side = sides[(i + n) % sides.length]
      const owner = side?.owned[n % side.owned.length]
      if (!side || !owner) throw new Error('there is nobody to speak')
      const turn = newTurn('continued', owner)
      const db = bareDatabase(side.sql)
      const start = performance.now()
      await beginTurns(db, [turn], false)
      await endTurns(db, [endOf(turn)], false)
      if (n >= warmUp) side.ms.push(performance.now() - start)
    }
  }
}

const turns = async (bench: Bench): Promise<{ table: Table; targets: Target[] }> => {
  const urls = [await bench.database(), await bench.database()]
  const connections = urls.map((url) => postgres(url, { max: 1, onnotice: () => {} }))
  const [without, withIndex] = connections
  if (!without || !withIndex) throw new Error('there are two databases')
  try {
    for (const sql of connections) await seed(sql, [speakers('searching'), speakers('silent')], () => {})
    await withoutIndex(without)
    await withIndex`
      insert into colloquy.search_indexes (user_id, sealed_to, segments)
      select distinct user_id, 'ffffffff-ffff-7fff-bfff-ffffffffffff'::uuid, 0 from colloquy.conversations
      where user_id like 'searching-%'`
    const side = async (label: string, sql: Sql, prefix: string): Promise<Side> => ({
      label,
      sql,
      owned: await newestOf(sql, prefix),
      ms: [],
    })
    const sides = [
      await side('without an index', without, 'silent'),
      await side('of a user who never searched so much', withIndex, 'silent'),
      await side('of a user whose messages are indexed', withIndex, 'searching'),
    ]
    await turnCosts(sides, bench)
    const medians = sides.map(({ ms }) => median(ms))
    const ratioOf = (n: number): number => (medians[n] ?? 0) / (medians[0] ?? 1)
    return {
      table: {
        title: 'What the index costs a turn, in a conversation with a full window',
        columns: ['turn', 'begin and end, median ms', 'ratio'],
        rows: sides.map(({ label }, n): Cell[] => [label, medians[n] ?? 0, ratioOf(n).toFixed(3)]),
        notes: [
          'Without an index: begin_turn without its statement about search_tails. One connection, a turn at a time.',
        ],
      },
      targets: [1, 2].map((n) => ({
        what: `a turn ${sides[n]?.label}, to one without an index`,
        wanted: `at most ${wantedRatio}`,
        measured: ratioOf(n).toFixed(3),
        isMet: ratioOf(n) <= wantedRatio,
      })),
    }
  } finally {
    await Promise.all(connections.map((sql) => sql.end({ timeout: 1 })))
  }
}

/** Prints how PostgreSQL works on a search, statement by statement, as its auto_explain says it. */
const explain = async (databaseUrl: string, q: string): Promise<void> => {
  const onnotice = ({ message = '' }: { message?: string }) => console.log(`\n${q}: ${message}`)
  const sql = postgres(databaseUrl, { max: 1, onnotice })
  try {
    await sql.unsafe(`load 'auto_explain'; set auto_explain.log_min_duration = 1;
      set auto_explain.log_nested_statements = on; set auto_explain.log_analyze = on; set auto_explain.log_buffers = on;
      set auto_explain.log_parameter_max_length = 0; set client_min_messages = log`)
    await findMatches(primaryReads(bareDatabase(sql))(undefined), searcherId, parseQuery(q), { limit: 20 })
  } finally {
    await sql.end({ timeout: 1 })
  }
}

const run = async (bench: Bench) => {
  const { rows, progress, verbose } = bench
  const databaseUrl = await bench.database()
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  try {
    const others = {
      prefix: 'other',
      users: Math.ceil(Math.max(0, rows - 100_000) / 1_000),
      conversations: 50,
      messages: 20,
    }
    await seed(sql, [others, searcher], progress)
    progress('the texts of the user who searches')
    await writeTexts(sql)
    await sql`vacuum (analyze) colloquy.messages`
    await sql`checkpoint`
    const server = await bench.server({ env: { DATABASE_URL: databaseUrl, NODE_ENV: 'production' } })
    progress('indexing')
    const { ms, entries, bytes } = await indexAll(sql, server.url, bench)
    progress('searches')
    const found = await searches(server.url, queries, bench)
    const worst = await searches(server.url, costlyQueries, bench)
    if (verbose) for (const { q } of queries.slice(0, 3)) await explain(databaseUrl, q)
    const [{ messages = 0 } = {}] = await sql<{ messages: number }[]>`
      select count(*)::int as messages from colloquy.messages`
    progress('turns')
    const turn = await turns(bench)
    return {
      tables: [
        {
          title: `A search over HTTP by a user with 100,000 messages, among ${messages.toLocaleString('en-GB')}`,
          columns: ['query', 'q', 'p50 ms', 'p95 ms'],
          rows: found.rows,
          notes: [
            `The index was made in ${(ms / 1000).toFixed(0)} s (${((1000 * ms) / entries).toFixed(0)} µs an entry) after the first search, and takes ${(bytes / 1e6).toFixed(0)} MB. A user without searches has none.`,
          ],
        },
        {
          title: 'Searches made to be slow, of the same user',
          columns: ['query', 'q', 'p50 ms', 'p95 ms'],
          rows: worst.rows,
          notes: ['What a search compares is bounded; the bound is lower the more terms there are.'],
        },
        turn.table,
      ],
      targets: [
        {
          what: 'a search, p95, warm',
          wanted: `under ${wantedMs} ms`,
          measured: `${found.p95.toFixed(1)} ms`,
          isMet: found.p95 < wantedMs,
        },
        ...turn.targets,
      ],
    }
  } finally {
    await sql.end({ timeout: 1 })
  }
}

export const search: Part = { name: 'search', run }
