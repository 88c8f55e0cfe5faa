import type { PendingQuery, Row, RowList } from 'postgres'
import type { Connection } from './connection.js'
import type { Sql } from './database.js'
import { DatabaseUnavailable, named } from './errors.js'
import { type Bounds, createGate, type Gate } from './transaction-guard.js'

type Statement = PendingQuery<Row[]>

/** The statements that begin a transaction, in the order in which they are sent. */
export type Opening = (sql: Sql) => Statement[]

const isStatement = (value: unknown): value is Statement => value instanceof Promise && 'execute' in value

/** Ends a transaction that failed; a connection that cannot even do this is broken. */
const rollback = async (connection: Connection): Promise<void> => {
  if (!connection.isAlive()) return
  await connection.sql`rollback`.simple().catch(connection.destroy)
}

const outcome = (gate: Gate) => (gate.isFinished() ? 'unknown' : 'none')

/**
 * Runs `opening`, then `work`, then commits. On a bound connection nothing waits for what was sent before it: should
 * `begin` fail (a cancel that hits it), or the driver repeat a statement after the rollback (a stale plan), then what
 * runs outside the transaction runs at rest, where it sees and writes nothing, and the transaction still fails.
 * On any other connection each of the three is confirmed before the next is sent.
 */
export const transact = async <T>(
  connection: Connection,
  bounds: Bounds,
  opening: Opening,
  work: (sql: Sql) => PromiseLike<T>,
): Promise<T> => {
  const gate = createGate(connection, bounds)
  try {
    const opened = opening(gate.sql).map((statement) => statement.execute())
    if (!connection.isBound) await Promise.all(opened)
    const result = work(gate.sql)
    if (connection.isBound && isStatement(result)) result.execute()
    else await Promise.race([result, gate.expired])
    if (!connection.isBound) await gate.settled()

    const commit = gate.finish(gate.sql`commit`.simple())
    const { command } = await commit
    if (command !== 'COMMIT' && !gate.failure()) {
      // A statement's plan was out of date: the driver did not tell and is repeating it, now outside the transaction.
      connection.destroy()
      throw new DatabaseUnavailable(new Error('a prepared statement was out of date'))
    }
    await gate.settled()
    const failed = gate.failure()
    if (failed) throw failed.error
    return await result
  } catch (error) {
    const { error: first } = gate.failure() ?? { error }
    if (!gate.isFinished()) await rollback(connection)
    throw named(first, outcome(gate))
  } finally {
    await gate.settled()
    gate.close()
  }
}

/** Runs the one statement that `work` makes, in a transaction of its own. */
export const autocommit = async <T extends readonly (object | undefined)[]>(
  connection: Connection,
  bounds: Bounds,
  work: (sql: Sql) => PendingQuery<T>,
): Promise<RowList<T>> => {
  const gate = createGate(connection, bounds)
  try {
    return await gate.finish(work(gate.sql))
  } catch (error) {
    throw named(gate.failure()?.error ?? error, outcome(gate))
  } finally {
    await gate.settled()
    gate.close()
  }
}
