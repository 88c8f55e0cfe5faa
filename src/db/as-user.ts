import type { Target } from './connection-target.js'
import type { Sql } from './database.js'
import { pooledBegin } from './settings.js'
import type { Opening } from './transaction.js'

interface Limits {
  statementTimeoutMs: number
  lockTimeoutMs: number
}

/** How transactions begin. `asUser` is the one place in TypeScript that sets the row-level user; act_as.sql is the one in SQL. */
export const transactionOpenings = ({ isPooled }: Target, { statementTimeoutMs, lockTimeoutMs }: Limits) => {
  // Identifiers are written into the text, so that one message without parameters does it all or nothing.
  const limits = (sql: Sql) =>
    isPooled
      ? sql`;
        set local statement_timeout = ${sql(String(statementTimeoutMs))};
        set local lock_timeout = ${sql(String(lockTimeoutMs))};
        set local idle_in_transaction_session_timeout = ${sql(String(statementTimeoutMs))}`
      : sql``

  // In one message, so that nothing follows a `begin` that may have failed: a pooler gives the server's connection to
  // somebody else then. The user is written in hexadecimal, where there is nothing to quote.
  const pooledAsUser = (sql: Sql, userId: string) => {
    const hex = Buffer.from(userId).toString('hex')
    const user = sql.unsafe(`pg_catalog.convert_from(pg_catalog.decode('${hex}', 'hex'), 'utf8')`)
    return [sql`${sql.unsafe(pooledBegin)}${limits(sql)}; select colloquy.act_as(${user})`.simple()]
  }

  return {
    /** Under row-level security, as exactly this user. */
    asUser:
      (userId: string): Opening =>
      (sql) =>
        isPooled ? pooledAsUser(sql, userId) : [sql`begin`.simple(), sql`select colloquy.act_as(${userId})`],

    /** As the login role, which owns the tables; for migrations and checks. */
    asLogin: ((sql) => [
      sql`${sql.unsafe(isPooled ? pooledBegin : 'begin')}; set local role none${limits(sql)}`.simple(),
    ]) satisfies Opening,
  }
}
