import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startEmbedded } from '../src/embedded-postgres/start.js'
import { prepareTemplate } from '../test/helpers/template.js'
import { createCitusDatabase } from './citus-database.js'
import { systemServer } from './system-postgres.js'

/**
 * What `npm run test:citus` runs, where no files are named: each operation, and what is stored of turns. Tests that look at a server's
 * statistics, or write as the owner what Citus lets only its user write, are for one database.
 */
export const citusTests = [
  'test/citus',
  'test/isolation.test.ts',
  ...[
    'turns',
    'stream',
    'cancel',
    'idempotency',
    'limits',
    'total-budget',
    'group-commit',
    'heartbeat',
    'budgets',
    'branches',
    'two-instances',
    'resume',
    'partial-answer',
  ].map((name) => `test/turns/${name}.test.ts`),
  ...[
    'assistants',
    'branches',
    'conversations',
    'create-conversation',
    'export',
    'fork',
    'import-user',
    'list-turns',
    'message-pages',
    'metadata',
    'rate-message',
    'usage',
  ].map((name) => `test/handlers/${name}.test.ts`),
  ...['search', 'findability'].map((name) => `test/search/${name}.test.ts`),
  'test/retention',
]

/** Makes a cluster to be copied, which takes a tenth of the time that initdb takes. */
export const initialise = async (dataDir: string): Promise<string> => {
  const cluster = await startEmbedded({ dataDir, settings: { fsync: 'off' } })
  await cluster.stop()
  return dataDir
}

interface TestCluster {
  /** the superuser's */
  url: string
  /** the one database of the tests, where it is distributed */
  distributed?: string
  stop(): Promise<void>
}

/** A cluster of this run's own, with the template that databases are cloned from. */
export const startCluster = async (
  folder: string,
  { initialised, version }: { initialised: string | undefined; version: string | undefined },
): Promise<TestCluster> => {
  const dataDir = join(folder, 'cluster')
  if (initialised) await promisify(execFile)('cp', ['-a', initialised, dataDir])
  const cluster = await startEmbedded({
    dataDir,
    settings: {
      ...{
        fsync: 'off',
        full_page_writes: 'off',
        autovacuum: 'off',
        wal_level: 'minimal',
        max_wal_senders: '0',
      },
      max_connections: '200',
      // A connection touches them all in time, and there are thousands of connections.
      shared_buffers: '32MB',
    },
    ...(version && { binaries: systemServer(version) }),
  })
  await prepareTemplate(cluster.url).catch(async (error) => {
    await cluster.stop()
    throw error
  })
  return cluster
}

/** A distributed database on somebody's Citus cluster. */
export const openCitus = async (url: string): Promise<TestCluster> => {
  const { database, drop } = await createCitusDatabase(url)
  return { url, distributed: database, stop: drop }
}
