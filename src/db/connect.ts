import type { Notice } from 'postgres'
import { createBeginStatements } from './as-user.js'
import { type Connection, createConnector } from './connection.js'
import { type PrepareMode, parseConnectionUrl } from './connection-target.js'
import type { Database, Queue, Sql } from './database.js'
import { isReadOnly } from './errors.js'
import { createPool } from './pool.js'
import { autocommit, transact } from './transaction.js'
import type { TransactionTimeouts } from './transaction-guard.js'
import { assertServerWritable } from './writable.js'

export { DatabaseUnavailable } from './errors.js'

/** No user has this id. */
const nobody = ''

export interface ConnectOptions {
  url: string
  /** maximum number of connections */
  max: number
  prepare: PrepareMode
  /**
   * Limits a statement on the server; a lock wait gets a third of it. The client abandons the transaction and its
   * connection after 1.2 times as long, so this bounds what a silent database can cost a request.
   */
  statementTimeoutMs?: number
  /** limits the wait for a connection, including the handshakes with all hosts; behind a pooler, also for a server connection */
  acquireTimeoutMs?: number
  /** maximum number of callers waiting for a connection */
  maxWaiting?: number
  applicationName?: string
  onNotice?: (notice: Notice) => void
}

/** Creates a database client. Connections open on demand. */
export const connect = ({
  url,
  max,
  prepare,
  statementTimeoutMs = 4_000,
  acquireTimeoutMs = 4_500,
  maxWaiting = 10_000,
  applicationName = 'colloquy',
  onNotice = () => {},
}: ConnectOptions): Database => {
  const target = parseConnectionUrl(url, prepare)
  const lockTimeoutMs = Math.ceil(statementTimeoutMs / 3)
  const timeouts: TransactionTimeouts = {
    transactionMs: Math.ceil(statementTimeoutMs * 1.2),
    ...(target.isPooled && { poolerMs: acquireTimeoutMs }),
  }
  const open = createConnector({
    target,
    statementTimeoutMs,
    lockTimeoutMs,
    connectTimeoutMs: acquireTimeoutMs,
    applicationName,
    onNotice,
  })
  const pool = createPool({ open, max, acquireTimeoutMs, maxWaiting })
  const beginStatements = createBeginStatements(target, { statementTimeoutMs, lockTimeoutMs })

  /** The first request to find the server read-only retires every connection to it. */
  const withConnection = async <T>(
    queue: Queue,
    run: (connection: Connection) => Promise<T>,
    { owner, waitMs }: { owner?: string | undefined; waitMs?: number | undefined } = {},
  ) => {
    const connection = await pool.acquire(queue, owner, waitMs)
    try {
      return await run(connection)
    } catch (error) {
      if (isReadOnly(error)) pool.retireAll()
      throw error
    } finally {
      pool.release(connection)
    }
  }

  return {
    asUser: (userId, work) =>
      withConnection(
        'others',
        (connection) => transact(connection, timeouts, beginStatements.asUser(userId), work),
        { owner: userId },
      ),
    asNobody: (work) =>
      withConnection('others', (connection) =>
        transact(connection, timeouts, beginStatements.asUser(nobody), work),
      ),
    asLogin: (work, { withinMs, queue = 'others' } = {}) => {
      const start = performance.now()
      const left = (): TransactionTimeouts =>
        withinMs === undefined
          ? timeouts
          : { transactionMs: Math.max(0, withinMs - (performance.now() - start)) }
      const guarded = async (sql: Sql) => {
        await assertServerWritable(sql)
        return work(sql)
      }
      return withConnection(
        queue,
        (connection) => transact(connection, left(), beginStatements.asLogin, guarded),
        { waitMs: withinMs },
      )
    },
    statement: (work, queue = 'turns', userId) =>
      withConnection(queue, (connection) => autocommit(connection, timeouts, work), { owner: userId }),
    close: (graceMs = 5_000) => pool.close(graceMs),
  }
}
