import type { ISql, PendingQuery, RowList } from 'postgres'

/**
 * Makes statements of the transaction that it was handed to, and nothing else: once that has ended, or a statement of
 * it has failed, it refuses. Without cursors and copy streams; page by key instead.
 */
export type Sql = ISql

/**
 * Where work waits for a connection. Many turns begin or end at once; what is read, and the tick that keeps the leases,
 * must not wait behind all of them. Probes are few and have a deadline, so they go first.
 */
export type Queue = 'turns' | 'others' | 'probes'

/**
 * What the rest of the program may do with PostgreSQL. Each rejects with DatabaseUnavailable when the database cannot
 * be reached or does not answer in time, and with the first error of a statement whatever `work` made of it.
 */
export interface Database {
  /**
   * Runs `work` in one transaction that acts for exactly this user, under row-level security.
   * A query that `work` returns without awaiting it leaves in the same round trip as the commit.
   */
  asUser<T>(userId: string, work: (sql: Sql) => PromiseLike<T>): Promise<T>
  /** Runs one statement that is its own transaction and sets its acting user itself (the turn functions). */
  statement<T extends readonly (object | undefined)[]>(
    work: (sql: Sql) => PendingQuery<T>,
    /** `turns` by default */
    queue?: Queue,
  ): Promise<RowList<T>>
  /**
   * Runs `work` in one transaction as the login role, acting for nobody: migrations and checks only. Rejects on a server
   * that cannot be written. `withinMs` bounds all of it, the wait for a connection included.
   */
  asLogin<T>(work: (sql: Sql) => PromiseLike<T>, options?: { withinMs?: number; queue?: Queue }): Promise<T>
  /** Ends every connection; statements under way get `graceMs` to finish. */
  close(graceMs?: number): Promise<void>
}
