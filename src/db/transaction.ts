import type { PendingQuery, Row, RowList } from 'postgres'
import type { Connection } from './connection.js'
import type { Sql } from './database.js'
import { DatabaseUnavailable, toDatabaseError } from './errors.js'
import {
  createTransactionGuard,
  type TransactionGuard,
  type TransactionTimeouts,
} from './transaction-guard.js'
import { currentLsn, fromLsn, type WalPosition, type WalPositions } from './wal-positions.js'

type Statement = PendingQuery<Row[]>

interface TransactionOptions extends TransactionTimeouts {
  /** hears in the same round trip where the primary's log is after the transaction */
  positions?: WalPositions | undefined
  /** on a standby: hears in the same round trip up to where its log was replayed after the transaction */
  onReplayed?: (position: WalPosition) => void
}

/** The statements that begin a transaction, in the order in which they are sent. */
export type BeginStatements = (sql: Sql) => Statement[]

const isStatement = (value: unknown): value is Statement => value instanceof Promise && 'execute' in value

/** Rolls back, and destroys the connection if even that fails. */
const rollback = async (connection: Connection): Promise<void> => {
  if (!connection.isAlive()) return
  await connection.sql`rollback`.simple().catch(connection.destroy)
}

/** Resolves to the command's tag, which is another one where a statement has failed. */
const commit = async (
  guard: TransactionGuard,
  onReplayed: TransactionOptions['onReplayed'],
): Promise<string> => {
  const { sql } = guard
  if (!onReplayed) return (await guard.finish(sql`commit`.simple())).command
  // One message of two commands has two results, and both are the same standby's behind a pooler, too.
  const message = sql<[RowList<Row[]>, [{ lsn: string }]]>`
    commit; select pg_catalog.pg_last_wal_replay_lsn()::text as lsn`.simple()
  const [ended, [row]] = await guard.finish(message)
  onReplayed(fromLsn(row.lsn))
  return ended.command
}

/** A statement of its own: what becomes of it says nothing of the transaction before it. */
const askPosition = ({ sql }: Connection, positions: WalPositions): Promise<void> => {
  const answer = positions.ask()
  return sql<[{ lsn: string }]>`select ${sql.unsafe(currentLsn)}`.then(
    ([row]) => answer(row.lsn),
    () => answer(undefined),
  )
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
  options: TransactionOptions,
  beginStatements: BeginStatements,
  work: (sql: Sql) => PromiseLike<T>,
): Promise<T> => {
  const guard = createTransactionGuard(connection, options)
  let asked: Promise<void> | undefined
  try {
    const opened = beginStatements(guard.sql).map((statement) => statement.execute())
    if (!connection.isRlsBound) await Promise.all(opened)
    const result = work(guard.sql)
    if (connection.isRlsBound && isStatement(result)) result.execute()
    else await Promise.race([result, guard.expired])
    if (!connection.isRlsBound) await guard.settled()

    const committed = commit(guard, options.onReplayed)
    // After a failure the commit is not sent.
    if (options.positions && !guard.failure()) asked = askPosition(connection, options.positions)
    const command = await committed
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
    await asked
    guard.close()
  }
}

/** Runs the single statement that `work` returns, in its own transaction. */
export const autocommit = async <T extends readonly (object | undefined)[]>(
  connection: Connection,
  options: TransactionOptions,
  work: (sql: Sql) => PendingQuery<T>,
): Promise<RowList<T>> => {
  const guard = createTransactionGuard(connection, options)
  let asked: Promise<void> | undefined
  try {
    const statement = guard.finish(work(guard.sql))
    // Behind the statement, which is its own transaction, in the same round trip.
    asked = options.positions && askPosition(connection, options.positions)
    const rows = await statement
    await asked
    return rows
  } catch (error) {
    throw toDatabaseError(guard.failure()?.error ?? error, outcome(guard))
  } finally {
    await guard.settled()
    await asked
    guard.close()
  }
}
