import { setTimeout as sleep } from 'node:timers/promises'
import type { Sql } from 'postgres'

/** What PostgreSQL has counted of a database so far. */
interface Counts {
  transactions: number
  pages: number
  wal: number
  deadlocks: number
}

/** A connection reports what it did at the latest after so long without work. */
const reportMs = 11_000

const countsOf = async (sql: Sql, signal: AbortSignal): Promise<Counts> => {
  await sleep(reportMs, undefined, { signal })
  const [row] = await sql<Counts[]>`
    select xact_commit::float as transactions, (blks_hit + blks_read)::float as pages, deadlocks::int as deadlocks,
      (pg_current_wal_lsn() - '0/0')::float as wal
    from pg_stat_database
    where datname = current_database()`
  if (!row) throw new Error('the database is not counted')
  return row
}

/** What the turns that `work` makes cost, each: transactions, pages that are touched, bytes of WAL; and all deadlocks. */
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
