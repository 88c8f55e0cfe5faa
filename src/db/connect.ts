import type { Notice } from 'postgres'
import { type Connection, connectionOpener } from './connection.js'
import { type Prepare, readTarget } from './connection-target.js'
import type { Database, Sql } from './database.js'
import { isReadOnly } from './errors.js'
import { createPool, type Line } from './pool.js'
import { pooledBegin } from './settings.js'
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
    return [sql`${sql.unsafe(pooledBegin)}${limits(sql)}; select colloquy.act_as(${user})`.simple()]
  }

  const asLogin = (sql: Sql) => [
    sql`${sql.unsafe(target.isPooled ? pooledBegin : 'begin')}; set local role none${limits(sql)}`.simple(),
  ]

  /** Each server that cannot be written any more is found out by one request, and left by all. */
  const using = async <T>(line: Line, run: (connection: Connection) => Promise<T>, waitMs?: number) => {
    const connection = await pool.acquire(line, waitMs)
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
    asLogin: (work, { withinMs, line = 'others' } = {}) => {
      const start = performance.now()
      const left = (): Bounds =>
        withinMs === undefined ? bounds : { deadlineMs: Math.max(0, withinMs - (performance.now() - start)) }
      const guarded = async (sql: Sql) => {
        await readWritable(sql)
        return work(sql)
      }
      return using(line, (connection) => transact(connection, left(), asLogin, guarded), withinMs)
    },
    statement: (work, line = 'turns') => using(line, (connection) => autocommit(connection, bounds, work)),
    close: (graceMs = 5_000) => pool.close(graceMs),
  }
}
