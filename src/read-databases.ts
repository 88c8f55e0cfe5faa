import type { Database } from './db/database.js'
import { createReads, primaryReads, type ReadsAfter } from './db/reads.js'
import type { Replica } from './db/replica.js'
import type { WalPositions } from './db/wal-positions.js'
import { type Metrics, noMetrics } from './metrics/metrics.js'
import { tracedDatabase, tracedReplica } from './tracing/traced-database.js'
import type { Tracing } from './tracing/tracing.js'

export interface ReadReplica {
  replica: Replica
  /** what the primary's client tells */
  positions: WalPositions
}

interface DatabaseOptions {
  db: Database
  readReplica?: ReadReplica | undefined
  tracing?: Tracing | undefined
  log: { warn(fields: object, text: string): void; info(fields: object, text: string): void }
  metrics?: Metrics | undefined
}

/** The databases of the handlers, traced where traces are on. */
export const databasesOf = ({
  db,
  readReplica,
  tracing,
  log,
  metrics = noMetrics,
}: DatabaseOptions): { db: Database; readsAfter: ReadsAfter } => {
  const primary = tracing ? tracedDatabase(db, tracing) : db
  if (!readReplica) return { db: primary, readsAfter: primaryReads(primary) }
  const { positions } = readReplica
  const replica = tracing ? tracedReplica(readReplica.replica, tracing) : readReplica.replica
  const readsAfter = createReads({ primary, replica, positions, log, onRead: metrics.read })
  return { db: primary, readsAfter }
}
