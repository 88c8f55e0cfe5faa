import { connect } from './connect.js'
import { type MigrateOptions, migrate } from './migrate.js'
import { defaultLockRetry, runStep } from './migration-steps.js'
import { assertDistributable, defaultShards, readShardingState } from './sharding.js'
import { completeSharding } from './sharding-steps.js'
import { readSqlFiles } from './sql-files.js'

interface ShardOptions extends Pick<MigrateOptions, 'log' | 'onBegin' | 'signal'> {
  /** how many shards the tables are cut into, where they are not yet */
  shards?: number
  /** hears of each table when its rows begin to be copied */
  onTable?: (table: { name: string; number: number; of: number }) => void
  /** hears of each step of the distribution that was done */
  onApplied?: (name: string) => void
}

/** A copy may take long; what bounds it is the signal. */
const copyLimitMs = 86_400_000

/**
 * Migrates a database and distributes it over the nodes of its Citus cluster. Resolves with the steps that had something to do;
 * rejects with CannotShard where it cannot be distributed. It may be repeated after an interruption.
 */
export const shard = async (url: string, options: ShardOptions = {}): Promise<string[]> => {
  const {
    log = () => {},
    onBegin = () => {},
    onTable,
    onApplied = () => {},
    shards = defaultShards,
  } = options
  const { signal = new AbortController().signal } = options
  await migrate(url, { log, onBegin, signal, alwaysPrepareRole: true })
  const files = await readSqlFiles()
  const db = connect({ url, max: 2, prepare: 'off', statementTimeoutMs: copyLimitMs })
  const abort = () => void db.close(0)
  signal.addEventListener('abort', abort, { once: true })
  try {
    signal.throwIfAborted()
    assertDistributable(await db.asLogin((sql) => readShardingState(sql, files)))
    return await completeSharding(db, {
      ...{ files, shards, onBegin, onApplied },
      ...(onTable && { onTable }),
      runStep: (step) => runStep(db, step, { lockRetry: defaultLockRetry, log, signal }),
    })
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
    await db.close()
  }
}
