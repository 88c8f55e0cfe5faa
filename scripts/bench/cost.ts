import { setTimeout as sleep } from 'node:timers/promises'
import type { Sql } from 'postgres'

/** PostgreSQL's cumulative statistics of the database. */
interface Counts {
  transactions: number
  pages: number
  wal: number
  deadlocks: number
}

/** An idle connection flushes its statistics within this time. */
const reportMs = 11_000

const countsOf = async (sql: Sql, signal: AbortSignal): Promise<Counts> => {
  await sleep(reportMs, undefined, { signal })
  const [row] = await sql<Counts[]>`
    select xact_commit::float as transactions, (blks_hit + blks_read)::float as pages, deadlocks::int as deadlocks,
      (pg_current_wal_lsn() - '0/0')::float as wal
    from pg_stat_database
    where datname = current_database()`
  if (!row) throw new Error('there are no statistics of this database')
  return row
}

/** The cost per turn of `work`, which resolves with its number of turns: transactions, pages, WAL bytes. Deadlocks are a total. */
export const costOf = async (sql: Sql, signal: AbortSignal, work: () => Promise<number>): Promise<Counts> => {
  const before = await countsOf(sql, signal)
  const turns = await work()
  const after = await countsOf(sql, signal)
  return {
    transactions: (after.transactions - before.transactions) / turns,
    pages: (after.pages - before.pages) / turns,
    wal: (after.wal - before.wal) / turns,
    deadlocks: after.deadlocks,
  }
}
