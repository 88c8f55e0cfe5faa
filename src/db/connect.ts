import type { Notice } from 'postgres'
import { type Connection, connectionOpener } from './connection.js'
import type { Database, Sql } from './database.js'
import type { Bounds } from './gate.js'
import { createPool, type Line } from './pool.js'
import { type Prepare, readTarget } from './pooler.js'
import { autocommit, transact } from './transaction.js'

export { DatabaseUnavailable } from './unavailable.js'

export interface ConnectOptions {
  url: string
  /** connections at most */
  max: number
  prepare: Prepare
  /**
   * The server ends a statement after this time, a wait for a lock after a third of it; the client gives up a
   * transaction (and its connection) after a fifth more.
   */
  statementTimeoutMs?: number
  /** how long to wait for a connection, a new one's handshake included; and for one of the pooler's, where there is one */
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
  statementTimeoutMs = 30_000,
  acquireTimeoutMs = 5_000,
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

  // Identifiers are written into the text, so that one message without parameters does it all or nothing.
  const limits = (sql: Sql) =>
    target.isPooled
      ? sql`;
        set local statement_timeout = ${sql(String(statementTimeoutMs))};
        set local lock_timeout = ${sql(String(lockTimeoutMs))};
        set local idle_in_transaction_session_timeout = ${sql(String(statementTimeoutMs))}`
      : sql``

  // In one message, so that nothing follows a `begin` that may have failed: a pooler gives the server's connection to
  // somebody else then. The user is written in hexadecimal, where there is nothing to quote.
  const pooledOpening = (sql: Sql, userId: string) => {
    const hex = Buffer.from(userId).toString('hex')
    const user = sql.unsafe(`pg_catalog.convert_from(pg_catalog.decode('${hex}', 'hex'), 'utf8')`)
    return [sql`begin${limits(sql)}; select colloquy.act_as(${user})`.simple()]
  }

  const using = async <T>(line: Line, run: (connection: Connection) => Promise<T>) => {
    const connection = await pool.acquire(line)
    try {
      return await run(connection)
    } finally {
      pool.release(connection)
    }
  }

  return {
    asUser: (userId, work) =>
      using('others', (connection) =>
        transact(
          connection,
          bounds,
          (sql) =>
            target.isPooled
              ? pooledOpening(sql, userId)
              : [sql`begin`.simple(), sql`select colloquy.act_as(${userId})`],
          work,
        ),
      ),
    asLogin: (work) =>
      using('others', (connection) =>
        transact(connection, bounds, (sql) => [sql`begin; set local role none${limits(sql)}`.simple()], work),
      ),
    statement: (work, line = 'turns') => using(line, (connection) => autocommit(connection, bounds, work)),
    close: (graceMs = 5_000) => pool.close(graceMs),
  }
}
