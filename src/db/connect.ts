import type { Notice } from 'postgres'
import { transactionOpenings } from './as-user.js'
import { type Connection, connectionOpener } from './connection.js'
import { type Prepare, readTarget } from './connection-target.js'
import type { Database, Queue, Sql } from './database.js'
import { isReadOnly } from './errors.js'
import { createPool } from './pool.js'
import { autocommit, transact } from './transaction.js'
import type { Bounds } from './transaction-guard.js'
import { readWritable } from './writable.js'

export { DatabaseUnavailable } from './errors.js'

export interface ConnectOptions {
  url: string
  /** connections at most */
  max: number
  prepare: Prepare
  /**
   * The server ends a statement after this time, a wait for a lock after a third of it; the client gives up a
   * transaction (and its connection) after a fifth more. The time that a request may take of a database that is silent.
   */
  statementTimeoutMs?: number
  /** how long to wait for a connection, a new one's handshake included, on whichever host; and for one of the pooler's */
  acquireTimeoutMs?: number
  /** how many may wait for a connection at once */
  maxWaiting?: number
  applicationName?: string
  onNotice?: (notice: Notice) => void
}

/** Opens nothing yet: connections are made when they are needed. */
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
  const target = readTarget(url, prepare)
  const lockTimeoutMs = Math.ceil(statementTimeoutMs / 3)
  const bounds: Bounds = {
    deadlineMs: Math.ceil(statementTimeoutMs * 1.2),
    ...(target.isPooled && { firstAnswerMs: acquireTimeoutMs }),
  }
  const open = connectionOpener({
    target,
    statementTimeoutMs,
    lockTimeoutMs,
    connectTimeoutMs: acquireTimeoutMs,
    applicationName,
    onNotice,
  })
  const pool = createPool({ open, max, acquireTimeoutMs, maxWaiting })
  const opening = transactionOpenings(target, { statementTimeoutMs, lockTimeoutMs })

  /** Each server that cannot be written any more is found out by one request, and left by all. */
  const using = async <T>(queue: Queue, run: (connection: Connection) => Promise<T>, waitMs?: number) => {
    const connection = await pool.acquire(queue, waitMs)
    try {
      return await run(connection)
    } catch (error) {
      if (isReadOnly(error)) pool.renew()
      throw error
    } finally {
      pool.release(connection)
    }
  }

  return {
    asUser: (userId, work) =>
      using('others', (connection) => transact(connection, bounds, opening.asUser(userId), work)),
    asLogin: (work, { withinMs, queue = 'others' } = {}) => {
      const start = performance.now()
      const left = (): Bounds =>
        withinMs === undefined ? bounds : { deadlineMs: Math.max(0, withinMs - (performance.now() - start)) }
      const guarded = async (sql: Sql) => {
        await readWritable(sql)
        return work(sql)
      }
      return using(queue, (connection) => transact(connection, left(), opening.asLogin, guarded), withinMs)
    },
    statement: (work, queue = 'turns') => using(queue, (connection) => autocommit(connection, bounds, work)),
    close: (graceMs = 5_000) => pool.close(graceMs),
  }
}
