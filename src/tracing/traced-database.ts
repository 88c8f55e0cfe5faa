import type { Database } from '../db/database.js'
import type { Replica } from '../db/replica.js'
import { databaseFailure, databaseSpan } from './conventions.js'
import type { Tracing } from './tracing.js'

const failureOf = (error: unknown): string => databaseFailure(error).type

/** Traces what a request asks of the database, the wait for a connection included. */
export const tracedDatabase = (db: Database, tracing: Tracing): Database => ({
  ...db,
  asUser: (userId, work) => tracing.trace(databaseSpan, () => db.asUser(userId, work), failureOf),
  statement: (...call) => tracing.trace(databaseSpan, () => db.statement(...call), failureOf),
})

export const tracedReplica = (replica: Replica, tracing: Tracing): Replica => ({
  ...replica,
  asUser: (...call) => tracing.trace(databaseSpan, () => replica.asUser(...call), failureOf),
})
