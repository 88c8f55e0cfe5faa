import type { PendingQuery, Row, RowList } from 'postgres'
import type { Connection } from './connection.js'
import type { Sql } from './database.js'
import { DatabaseUnavailable, toDatabaseError } from './errors.js'
import {
  createTransactionGuard,
  type TransactionGuard,
  type TransactionTimeouts,
} from './transaction-guard.js'

type Statement = PendingQuery<Row[]>

/** The statements that begin a transaction, in the order in which they are sent. */
export type BeginStatements = (sql: Sql) => Statement[]

const isStatement = (value: unknown): value is Statement => value instanceof Promise && 'execute' in value

/** Rolls back, and destroys the connection if even that fails. */
const rollback = async (connection: Connection): Promise<void> => {
  if (!connection.isAlive()) return
  await connection.sql`rollback`.simple().catch(connection.destroy)
}

const outcome = (guard: TransactionGuard) => (guard.isFinished() ? 'unknown' : 'none')

/**
 * Runs `beginStatements`, then `work`, then commits. On an RLS-bound connection these are pipelined. If `begin` fails (a
 * cancel that hits it), or the driver repeats a statement after the rollback (a stale plan), the statement runs outside
 * the transaction under the idle role, which can neither see nor write a row, and the transaction still fails. On any
 * other connection each of the three is confirmed before the next is sent.
 */
export const transact = async <T>(
  connection: Connection,
  timeouts: TransactionTimeouts,
  beginStatements: BeginStatements,
  work: (sql: Sql) => PromiseLike<T>,
): Promise<T> => {
  const guard = createTransactionGuard(connection, timeouts)
  try {
    const opened = beginStatements(guard.sql).map((statement) => statement.execute())
    if (!connection.isRlsBound) await Promise.all(opened)
    const result = work(guard.sql)
    if (connection.isRlsBound && isStatement(result)) result.execute()
    else await Promise.race([result, guard.expired])
    if (!connection.isRlsBound) await guard.settled()

    const commit = guard.finish(guard.sql`commit`.simple())
    const { command } = await commit
    if (command !== 'COMMIT' && !guard.failure()) {
      // A statement's plan was stale: the driver silently repeats it, now outside the transaction.
      connection.destroy()
      throw new DatabaseUnavailable(new Error('a prepared statement was out of date'))
    }
    await guard.settled()
    const failed = guard.failure()
    if (failed) throw failed.error
    return await result
  } catch (error) {
    const { error: first } = guard.failure() ?? { error }
    if (!guard.isFinished()) await rollback(connection)
    throw toDatabaseError(first, outcome(guard))
  } finally {
    await guard.settled()
    guard.close()
  }
}

/** Runs the single statement that `work` returns, in its own transaction. */
export const autocommit = async <T extends readonly (object | undefined)[]>(
  connection: Connection,
  timeouts: TransactionTimeouts,
  work: (sql: Sql) => PendingQuery<T>,
): Promise<RowList<T>> => {
  const guard = createTransactionGuard(connection, timeouts)
  try {
    return await guard.finish(work(guard.sql))
  } catch (error) {
    throw toDatabaseError(guard.failure()?.error ?? error, outcome(guard))
  } finally {
    await guard.settled()
    guard.close()
  }
}
