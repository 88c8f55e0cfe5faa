import type { ConnectionTarget } from './connection-target.js'
import type { Sql } from './database.js'
import { requireReplayed } from './replica.js'
import { pooledBegin } from './settings.js'
import type { BeginStatements } from './transaction.js'
import type { WalPosition } from './wal-positions.js'

interface Limits {
  statementTimeoutMs: number
  lockTimeoutMs: number
}

/**
 * The statements that begin a transaction. In TypeScript only `asUser` sets the row-level user; in SQL only act_as.sql
 * does.
 */
export const createBeginStatements = (
  { isPooled }: ConnectionTarget,
  { statementTimeoutMs, lockTimeoutMs }: Limits,
) => {
  // Inlined rather than bound: a message without parameters can carry several statements, all or nothing.
  const limits = (sql: Sql) =>
    isPooled
      ? sql`;
        set local statement_timeout = ${sql(String(statementTimeoutMs))};
        set local lock_timeout = ${sql(String(lockTimeoutMs))};
        set local idle_in_transaction_session_timeout = ${sql(String(statementTimeoutMs))}`
      : sql``

  // One message, because after a failed `begin` the pooler would give the server connection to another client. The user
  // is hex-encoded, so nothing needs quoting.
  const pooledAsUser = (sql: Sql, userId: string, then = sql``) => {
    const hex = Buffer.from(userId).toString('hex')
    const user = sql.unsafe(`pg_catalog.convert_from(pg_catalog.decode('${hex}', 'hex'), 'utf8')`)
    return [sql`${sql.unsafe(pooledBegin)}${limits(sql)}${then}; select colloquy.act_as(${user})`.simple()]
  }

  return {
    /** Acts for exactly this user, under row-level security. */
    asUser:
      (userId: string): BeginStatements =>
      (sql) =>
        isPooled ? pooledAsUser(sql, userId) : [sql`begin`.simple(), sql`select colloquy.act_as(${userId})`],

    /** The same on a replica, which has to have replayed its log up to the position. */
    asUserAfter:
      (userId: string, position: WalPosition): BeginStatements =>
      (sql) => {
        const check = sql`; ${sql.unsafe(requireReplayed(position))}`
        return isPooled
          ? pooledAsUser(sql, userId, check)
          : [sql`begin${check}`.simple(), sql`select colloquy.act_as(${userId})`]
      },

    /** Runs as the login role, which owns the tables: for migrations and checks. */
    asLogin: ((sql) => [
      sql`${sql.unsafe(isPooled ? pooledBegin : 'begin')}; set local role none${limits(sql)}`.simple(),
    ]) satisfies BeginStatements,
  }
}
