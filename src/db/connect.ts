import type { Notice } from 'postgres'
import { type Metrics, noMetrics } from '../metrics/metrics.js'
import { createBeginStatements } from './as-user.js'
import { type Connection, createConnector } from './connection.js'
import { type PrepareMode, parseConnectionUrl } from './connection-target.js'
import type { Database, Queue, Sql } from './database.js'
import { DatabaseUnavailable, isReadOnly } from './errors.js'
import { createPool } from './pool.js'
import { isNotStandby, type Replica } from './replica.js'
import { autocommit, transact } from './transaction.js'
import type { TransactionTimeouts } from './transaction-guard.js'
import { createUserNodes, type Shard } from './user-nodes.js'
import type { WalPosition, WalPositions } from './wal-positions.js'
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
  metrics?: Metrics | undefined
  /** hears where the primary's log is after each transaction of a user; default: nobody asks */
  positions?: WalPositions | undefined
}

/** Who waits for a connection. */
interface Waiter {
  kind: Parameters<Metrics['transaction']>[0]
  queue: Queue
  /** on whose behalf */
  owner?: string | undefined
  waitMs?: number | undefined
}

const observePool = (metrics: Metrics, pool: ReturnType<typeof createPool>, max: number): void => {
  metrics.gauge('database_connections_limit', () => max)
  for (const state of ['used', 'idle', 'opening'] as const)
    metrics.gauge('database_connections', () => pool.state()[state], state)
  for (const queue of ['turns', 'others', 'probes'] as const)
    metrics.gauge('database_waiting_requests', () => pool.state().waiting[queue], queue)
}

/** How long a replica may take, since the primary can answer as well. */
const replicaLimits = { statementTimeoutMs: 2_000, acquireTimeoutMs: 1_500, maxWaiting: 1_000 }

interface PoolOptions extends ConnectOptions {
  /** the identity of its primary, where a replica is wanted */
  replicaOf?: string
  /** hears of each connection to a database with Citus that it is one */
  onCitus?: () => void
}

const openPool = (options: PoolOptions) => {
  const { url, max, prepare, statementTimeoutMs = 4_000, acquireTimeoutMs = 4_500 } = options
  const { maxWaiting = 10_000, applicationName = 'colloquy', onNotice = () => {} } = options
  const { metrics = noMetrics, replicaOf, onCitus } = options
  const target = parseConnectionUrl(url, prepare, replicaOf === undefined ? 'primary' : 'replica')
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
    replicaOf,
  })
  const pool = createPool({ open, max, acquireTimeoutMs, maxWaiting })
  const beginStatements = createBeginStatements(target, { statementTimeoutMs, lockTimeoutMs })
  /** The first request to find the server read-only, or a replica promoted, retires every connection to it. */
  const withConnection = async <T>(
    { kind, queue, owner, waitMs }: Waiter,
    run: (connection: Connection, onRoundTrip: () => void) => Promise<T>,
  ) => {
    const watch = metrics.transaction(kind)
    let connection: Connection | undefined
    try {
      connection = await pool.acquire(queue, owner, waitMs)
      watch.connected()
      if (connection.hasCitus) onCitus?.()
      return await run(connection, watch.roundTrip)
    } catch (error) {
      if (isReadOnly(error) || isNotStandby(error)) pool.retireAll()
      if (error instanceof DatabaseUnavailable) watch.unavailable()
      throw error
    } finally {
      if (connection) pool.release(connection)
      watch.ended()
    }
  }

  return { pool, timeouts, beginStatements, withConnection }
}

/** Creates a client of a replica. `replicaOf` is the identity of its primary. Connections open on demand. */
export const connectReplica = (
  options: Pick<ConnectOptions, 'url' | 'max' | 'prepare' | 'metrics'> & { replicaOf: string },
): Replica => {
  const { pool, timeouts, beginStatements, withConnection } = openPool({ ...options, ...replicaLimits })
  return {
    asUser: (userId, position, work) =>
      withConnection({ kind: 'replica', queue: 'others', owner: userId }, async (connection, onRoundTrip) => {
        const begin = beginStatements.asUserAfter(userId, position)
        let replayed = position
        const onReplayed = (lsn: WalPosition): void => {
          replayed = lsn
        }
        const result = await transact(connection, { ...timeouts, onRoundTrip, onReplayed }, begin, work)
        return { result, position: replayed }
      }),
    close: (graceMs = 5_000) => pool.close(graceMs),
  }
}

/** Creates a database client. Connections open on demand. */
export const connect = (options: ConnectOptions): Database => {
  const { max, metrics = noMetrics, positions } = options
  const { pool, timeouts, beginStatements, withConnection } = openPool({
    ...options,
    onCitus: () => nodes.foundCitus(),
  })
  observePool(metrics, pool, max)
  const readShards = () =>
    withConnection({ kind: 'others', queue: 'others' }, (connection) =>
      autocommit(connection, timeouts, (sql) => sql<Shard[]>`select max, node from colloquy.read_shards()`),
    )
  const nodes = createUserNodes(readShards)

  return {
    asUser: (userId, work) =>
      withConnection({ kind: 'user', queue: 'others', owner: userId }, (connection, onRoundTrip) =>
        transact(connection, { ...timeouts, onRoundTrip, positions }, beginStatements.asUser(userId), work),
      ),
    asNobody: (work) =>
      withConnection({ kind: 'user', queue: 'others' }, (connection, onRoundTrip) =>
        transact(connection, { ...timeouts, onRoundTrip, positions }, beginStatements.asUser(nobody), work),
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
      return withConnection({ kind: 'login', queue, waitMs: withinMs }, (connection, onRoundTrip) =>
        transact(connection, { ...left(), onRoundTrip }, beginStatements.asLogin, guarded),
      )
    },
    statement: (work, queue = 'turns', userId) =>
      withConnection({ kind: queue, queue, owner: userId }, (connection, onRoundTrip) =>
        autocommit(connection, { ...timeouts, onRoundTrip, positions }, work),
      ),
    nodeOf: nodes.nodeOf,
    close: (graceMs = 5_000) => pool.close(graceMs),
  }
}
