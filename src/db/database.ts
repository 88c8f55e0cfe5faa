import type { ISql, PendingQuery, RowList } from 'postgres'

/**
 * The statement tag of one transaction. It rejects statements after the transaction's end or after a failed statement.
 * Cursors and COPY streams are not available; page by key instead.
 */
export type Sql = ISql

/**
 * The queues for a connection. Many turns begin or end at once; reads and the tick that renews leases must not wait
 * behind all of them. Probes are few and have a deadline, so they go first.
 */
export type Queue = 'turns' | 'others' | 'probes'

/**
 * The program's access to PostgreSQL. Every method rejects with DatabaseUnavailable when the database is unreachable or
 * late, otherwise with the first statement's error, even if `work` caught it.
 */
export interface Database {
  /**
   * Runs `work` in one transaction that acts for exactly this user, under row-level security. A query that `work` returns
   * without awaiting it is sent together with the commit, in one round trip.
   */
  asUser<T>(userId: string, work: (sql: Sql) => PromiseLike<T>): Promise<T>
  /**
   * Runs `work` in one transaction that acts for no user to begin with: for a function that reads rows of all of them. On Citus that
   * needs a transaction block, since alone it would have none on the other nodes that knows for whom it acts.
   */
  asNobody<T>(work: (sql: Sql) => PromiseLike<T>): Promise<T>
  /** Runs one statement in its own transaction, which sets its acting user itself (the turn functions). */
  statement<T extends readonly (object | undefined)[]>(
    work: (sql: Sql) => PendingQuery<T>,
    /** default: `turns` */
    queue?: Queue,
    /** on whose behalf it waits for a connection, where users take turns */
    userId?: string,
  ): Promise<RowList<T>>
  /**
   * The node that has the rows of a user, where the database is distributed; otherwise, or while it is not known, ''. A hint: what is sent
   * for the users of one node together takes less time, and is right for any users.
   */
  nodeOf(userId: string): string
  /**
   * Runs `work` in one transaction as the login role, acting for no user: only for migrations and checks. Rejects on a
   * read-only server. `withinMs` bounds the whole call, including the wait for a connection.
   */
  asLogin<T>(work: (sql: Sql) => PromiseLike<T>, options?: { withinMs?: number; queue?: Queue }): Promise<T>
  /** Closes every connection; running statements get `graceMs` to finish. */
  close(graceMs?: number): Promise<void>
}
