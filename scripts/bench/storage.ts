import postgres from 'postgres'
import { makeLoad } from './load.js'
import type { Bench, Cell, Part } from './part.js'
import { callsOf } from './user.js'

const users = 200
const connections = 100
const mostTurns = 1_000_000
/** Turns that are sent before the sizes are looked at again. */
const parts = 10
/** How much of a table that does not grow with its rows may be dead. */
const wantedBytesARow = 2_000

export interface TableSize {
  name: string
  /** rows that were ever inserted */
  inserted: number
  live: number
  dead: number
  bytes: number
  indexBytes: number
  /** of its updates, the share that touched no index */
  hot: number | null
  vacuums: number
}

/** Tables with their indexes, the largest first. */
export const tableSizes = (sql: postgres.Sql) => sql<TableSize[]>`
  select s.relname as name, s.n_tup_ins::float as inserted, s.n_live_tup::float as live, s.n_dead_tup::float as dead,
    pg_relation_size(s.relid)::float as bytes, pg_indexes_size(s.relid)::float as "indexBytes",
    s.n_tup_hot_upd::float / nullif(s.n_tup_upd, 0) as hot, s.autovacuum_count::int as vacuums
  from pg_stat_user_tables s
  where s.schemaname = 'colloquy'
  order by pg_total_relation_size(s.relid) desc`

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)

/** Measures what many turns leave on the disk, and how much of it is dead: rows that each turn writes anew most of all. */
const run = async (bench: Bench) => {
  const { rows, quick, signal, progress } = bench
  const turns = quick ? 2_000 : Math.min(rows, mostTurns)
  const url = await bench.database()
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const server = await bench.server({ env: { DATABASE_URL: url, NODE_ENV: 'production' } })
    const calls = await Promise.all(
      Array.from({ length: users }, async (_, n) => [(await callsOf(`stored-${n}`)).chat()]),
    )
    for (let part = 1; part <= parts; part += 1) {
      const until = { calls: Math.ceil(turns / parts) }
      await makeLoad({ url: server.url, connections, calls, until }, signal)
      const [{ bytes } = { bytes: 0 }] = await sql<{ bytes: number }[]>`
        select pg_database_size(current_database())::float as bytes`
      progress(`${((part * turns) / parts).toLocaleString('en-GB')} turns: ${megabytes(bytes)} MB`)
    }
    const sizes = (await tableSizes(sql)).filter(({ inserted }) => inserted > 0)
    const cells = ({ name, live, dead, bytes, indexBytes, hot, vacuums }: TableSize): Cell[] => [
      name,
      live,
      dead,
      megabytes(bytes),
      megabytes(indexBytes),
      live > 0 ? ((bytes + indexBytes) / live).toFixed(0) : '–',
      hot === null ? '–' : hot.toFixed(2),
      vacuums,
    ]
    // A row a user, or a user and day and model, however many turns write it.
    const perUser = sizes.filter(({ name }) => ['usage', 'turn_counts'].includes(name))
    return {
      tables: [
        {
          title: `What ${turns.toLocaleString('en-GB')} turns of ${users} users leave, ${connections} at once`,
          columns: [
            'table',
            'rows',
            'dead rows',
            'MB',
            "its indexes' MB",
            'bytes a row',
            'HOT updates',
            'autovacuums',
          ],
          rows: sizes.map(cells),
          notes: [
            'Rows and dead rows as PostgreSQL estimates them. HOT updates: the share of updates that wrote into no index, and whose old rows the next reader of the page takes away.',
          ],
        },
      ],
      targets: perUser.map(({ name, bytes, indexBytes }) => ({
        what: `bytes of ${name} for each user, all dead rows included`,
        wanted: `at most ${wantedBytesARow}`,
        measured: ((bytes + indexBytes) / users).toFixed(0),
        isMet: (bytes + indexBytes) / users <= wantedBytesARow,
      })),
    }
  } finally {
    await sql.end({ timeout: 1 })
  }
}

export const storage: Part = { name: 'storage', run }
