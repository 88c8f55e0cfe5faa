import type { Config } from '../config.js'
import { connect } from '../db/connect.js'
import { pendingMigrations } from '../db/migrate.js'
import { shard as shardDatabase } from '../db/shard.js'
import {
  assertDistributable,
  CannotShard,
  missingSharding,
  readShardingState,
  type ShardingState,
} from '../db/sharding.js'
import { readSqlFiles } from '../db/sql-files.js'
import { beforeSignalExit } from './before-signal-exit.js'
import { errorMessage } from './error-message.js'
import { createProgress, type Progress } from './progress.js'
import { openOrJoinDatabase } from './runtime.js'
import { StartupError } from './startup-error.js'

const nodes = (count: number): string => `${count} ${count === 1 ? 'node' : 'nodes'}`

/** One line on a distributed database. */
export const describeSharding = ({ version, shards, workers }: ShardingState): string =>
  `distributed by user over ${nodes(workers)}, in ${shards} shards (Citus ${version})`

/** `colloquy shard --check`: says what is missing, and resolves to whether nothing is. */
const check = async (url: string, say: (line: string) => void): Promise<boolean> => {
  const db = connect({ url, max: 1, prepare: 'off' })
  try {
    const migrations = await pendingMigrations(db)
    if (migrations.length > 0) {
      say(`missing: the migrations ${migrations.join(', ')}`)
      return false
    }
    const files = await readSqlFiles()
    const state = await db.asLogin((sql) => readShardingState(sql, files))
    assertDistributable(state)
    const missing = missingSharding(state)
    for (const line of missing) say(`missing: ${line}`)
    if (missing.length === 0) say(`The database is ${describeSharding(state)}.`)
    return missing.length === 0
  } finally {
    await db.close()
  }
}

const distribute = async (
  url: string,
  shards: number | undefined,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> => {
  const say = (line: string) => progress.above(() => console.log(line))
  progress.begin('reading what the database has')
  const done = await shardDatabase(url, {
    ...(shards !== undefined && { shards }),
    log: say,
    onBegin: ({ name, number, of }) => progress.update(`${number} of ${of}: ${name}`),
    onTable: ({ name, number, of }) => progress.update(`copying table ${number} of ${of}: ${name}`),
    onApplied: (name) => say(`distributed: ${name}`),
    signal,
  })
  progress.clear()
  console.log(done.length > 0 ? 'The database is distributed now.' : 'The database was distributed.')
}

/**
 * `colloquy shard`: distributes the database over the nodes of its Citus cluster. Resolves to the exit code, which with `isCheck` says
 * whether something is missing.
 */
export const shard = async (
  config: Config,
  { shards, isCheck }: { shards: number | undefined; isCheck: boolean },
): Promise<number> => {
  const stopped = new AbortController()
  const progress = createProgress()
  const run = async (): Promise<number> => {
    const { url, embedded } = await openOrJoinDatabase(config, { log() {}, begin: progress.begin })
    try {
      stopped.signal.throwIfAborted()
      if (isCheck) return (await check(url, (line) => progress.above(() => console.log(line)))) ? 0 : 1
      await distribute(url, shards, progress, stopped.signal)
      return 0
    } finally {
      progress.fail()
      await embedded?.stop()
    }
  }
  const running = run()
  const release = beforeSignalExit(async (signal) => {
    stopped.abort(new Error(`interrupted by ${signal}; the step under way was rolled back`))
    await running.catch((error: unknown) => console.error(`colloquy: ${errorMessage(error)}`))
  })
  try {
    return await running
  } catch (error) {
    throw error instanceof CannotShard ? new StartupError(error.message) : error
  } finally {
    progress.fail()
    release()
  }
}
