import type { Sql } from 'postgres'
import { type TableSize, tableSizes } from '../bench/storage.js'

/** What conversations amount to, as their clients know. */
export interface Book {
  /** conversations that are there, and their turns */
  live: number
  liveTurns: number
  /** all that ever were */
  turns: number
  deleted: number
  expired: number
}

interface Growth {
  rows(book: Book): number
  /** rows or versions of rows that a turn leaves behind for vacuum, sooner or later */
  deadATurn: number
}

/** Of what a table has a row. Those of tables that are not here have a row a user, or none. */
export const growthOf: { [table: string]: Growth } = {
  conversations: { rows: ({ live }) => live, deadATurn: 2.5 },
  messages: { rows: ({ liveTurns }) => 2 * liveTurns, deadATurn: 2 },
  turns: { rows: ({ liveTurns }) => liveTurns, deadATurn: 2 },
  // Kept for a day, longer than their conversations.
  idempotency_keys: { rows: ({ turns }) => turns, deadATurn: 0 },
  // That it changed, and that it is gone: an expiry is a change, and both are kept for a day.
  updates: { rows: ({ deleted, expired }) => deleted + 2 * expired, deadATurn: 0 },
}

/** Autovacuum looks once a minute, and takes a while. */
const vacuumSeconds = 90
/** Pages are whole, and a table and its indexes have some. */
const slackBytes = 256 * 1024

/** What a row takes: packed, and as turns leave it. */
export interface RowBytes {
  heap: number
  packedIndex: number
  index: number
}

export interface StorageCosts {
  rowBytes: Map<string, RowBytes>
  /** WAL without images of full pages, of a turn and of a conversation's end */
  walOfTurn: number
  walOfEnd: number
}

export const openWal = async (sql: Sql) => {
  await sql`create extension if not exists pg_walinspect`
  const position = async (): Promise<string> => {
    const [row] = await sql<[{ at: string }]>`select pg_current_wal_flush_lsn()::text as at`
    return row.at
  }
  let from = await position()
  return {
    /** Bytes since it was asked last: records, and images of pages that were written first after a checkpoint. */
    async read(): Promise<{ records: number; pages: number }> {
      const to = await position()
      const [row] = await sql<[{ total: number; pages: number }]>`
        select (${to}::pg_lsn - ${from}::pg_lsn)::float8 as total, coalesce(sum(s.fpi_size), 0)::float8 as pages
        from pg_get_wal_stats(${from}::pg_lsn, ${to}::pg_lsn) s`
      from = to
      return { records: row.total - row.pages, pages: row.pages }
    },
  }
}

/** Bytes of a row by table, while nobody uses them: what is dead is taken out. */
export const measureRowBytes = async (sql: Sql, names: string[]): Promise<Map<string, RowBytes>> => {
  const before = await tableSizes(sql)
  for (const name of names) await sql`vacuum (full, analyze) ${sql(`colloquy.${name}`)}`
  const after = await tableSizes(sql)
  return new Map(
    await Promise.all(
      names.map(async (name): Promise<[string, RowBytes]> => {
        const [{ rows }] = await sql<[{ rows: number }]>`
          select count(*)::float8 as rows from ${sql(`colloquy.${name}`)}`
        const find = (sizes: TableSize[]) => sizes.find((size) => size.name === name)
        const bytes = (size: number | undefined) => (size ?? 0) / Math.max(1, rows)
        return [
          name,
          {
            heap: bytes(find(after)?.bytes),
            packedIndex: bytes(find(after)?.indexBytes),
            index: bytes(find(before)?.indexBytes),
          },
        ]
      }),
    ),
  )
}

/** How many dead rows autovacuum lets a table have: a number, and a share of its rows. */
export const readThresholds = async (sql: Sql): Promise<Map<string, { base: number; share: number }>> => {
  const rows = await sql<{ name: string; base: number; share: number }[]>`
    select c.relname as name,
      coalesce(
        (select o.option_value from pg_options_to_table(c.reloptions) o
         where o.option_name = 'autovacuum_vacuum_threshold'),
        current_setting('autovacuum_vacuum_threshold'))::float8 as base,
      coalesce(
        (select o.option_value from pg_options_to_table(c.reloptions) o
         where o.option_name = 'autovacuum_vacuum_scale_factor'),
        current_setting('autovacuum_vacuum_scale_factor'))::float8 as share
    from pg_class c
    where c.relnamespace = 'colloquy'::regnamespace and c.relkind = 'r'`
  return new Map(rows.map(({ name, ...rest }) => [name, rest]))
}

/** The bytes that a table may have at most at a rate of turns a second, with as many dead rows as may be. */
export const predictTable = (
  { rows, deadATurn }: Growth,
  book: Book,
  { heap, packedIndex, index }: RowBytes,
  { base, share }: { base: number; share: number },
  rate: number,
): { rows: number; most: number } => {
  const live = rows(book)
  const dead = deadATurn === 0 ? 0 : base + share * live + vacuumSeconds * rate * deadATurn
  const most = (live + dead) * (heap + Math.max(index, packedIndex)) + slackBytes
  return { rows: live, most }
}
