import { setMaxListeners } from 'node:events'
import postgres, { type Sql } from 'postgres'
import { listen, speechOf } from './listen.js'
import type { Bench, Cell, Part } from './part.js'
import { type Speech, wordToken } from './speech.js'

const speech: Speech = { words: 200, everyMs: 25, stamped: false }
const answerBytes = speech.words * wordToken.length

const speak = async (url: string, turns: number, signal: AbortSignal): Promise<void> => {
  const calls = await Promise.all(Array.from({ length: turns }, (_, n) => speechOf(`writer-${n}`, speech)))
  await Promise.all(calls.map((call) => listen({ url, call, signal }).heard))
}

interface Counts {
  inserted: number
  deleted: number
  dead: number
  bytes: number
}

/** PostgreSQL's statistics of turn_events. A connection's share is added when it closes. */
const countsOf = async (sql: Sql): Promise<Counts> => {
  const [row] = await sql<Counts[]>`
    select n_tup_ins::int as inserted, n_tup_del::int as deleted, n_dead_tup::int as dead,
      pg_total_relation_size(relid)::int as bytes
    from pg_stat_user_tables
    where relid = 'colloquy.turn_events'::regclass`
  if (!row) throw new Error('there are no statistics of turn_events')
  return row
}

/** Measures what a streamed turn writes, with and without storing its events. */
const run = async (bench: Bench) => {
  const { quick, signal, progress } = bench
  setMaxListeners(0, signal)
  const rows: Cell[][] = []
  for (const turns of [1, 100]) {
    for (const stores of ['events', 'nothing']) {
      progress(`${turns} turns at once, storing ${stores} while they run`)
      const url = await bench.database()
      const sql = postgres(url, { max: 1, onnotice: () => {} })
      try {
        // Without vacuum, so that dead rows can be counted.
        await sql`alter table colloquy.turn_events set (autovacuum_enabled = false)`
        const server = await bench.server({
          program: ['dist/scripts/bench/speaking-server.js'],
          env: { DATABASE_URL: url, BENCH_STORES: stores },
        })
        // After a checkpoint the first write to a page logs the whole page.
        await sql`checkpoint`
        await speak(server.url, turns, signal)
        const times = turns === 1 && !quick ? 2 : 1
        const [{ lsn = '' } = {}] = await sql<{ lsn: string }[]>`select pg_current_wal_lsn()::text as lsn`
        for (let n = 0; n < times; n += 1) await speak(server.url, turns, signal)
        const [{ wal = 0 } = {}] = await sql<{ wal: number }[]>`
          select (pg_current_wal_lsn() - ${lsn}::pg_lsn)::float as wal`
        await server.stop()
        // The statistics include the warm-up run.
        const all = (times + 1) * turns
        const { inserted, deleted, dead, bytes } = await countsOf(sql)
        if (inserted !== deleted) throw new Error(`of ${inserted} rows ${deleted} were deleted`)
        rows.push([
          stores === 'events' ? 'stored' : 'nothing stored',
          turns,
          wal / (times * turns),
          (wal / (times * turns * answerBytes)).toFixed(1),
          (inserted / all).toFixed(1),
          (dead / all).toFixed(1),
          (bytes / all / 1000).toFixed(1),
        ])
      } finally {
        await sql.end({ timeout: 1 })
      }
    }
  }
  return {
    tables: [
      {
        title: `What a turn of ${speech.words} tokens in ${(speech.words * speech.everyMs) / 1000} s writes, an answer of ${answerBytes.toLocaleString('en-GB')} bytes`,
        columns: [
          'while it runs',
          'turns at once',
          'WAL bytes a turn',
          'WAL bytes a byte of answer',
          'rows of events a turn',
          'dead rows a turn after it',
          'kB of the table a turn',
        ],
        rows,
        notes: [
          'WAL is that of the whole turn, from its begin to its stored end, after a first run of the same turns. The rows are gone with the end of their turn, and dead until a vacuum, which is off here.',
        ],
      },
    ],
  }
}

export const writes: Part = { name: 'writes', run }
