import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { migrate } from '../../src/db/migrate.js'
import { type EmbeddedPostgres, startEmbedded } from '../../src/embedded-postgres/start.js'
import { createScope, type Scope } from './scope.js'
import { until } from './wait.js'

/** Durability is not what most tests are about, and costs them seconds. */
export const hasty = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }

/** A temporary folder that is removed at the end; a cluster in it is found and ended even when the test is killed. */
export const testFolder = async (t: Scope): Promise<string> => {
  const folder = await mkdtemp(join(process.env.COLLOQUY_TEST_FOLDER ?? tmpdir(), 'own-'))
  await chmod(folder, 0o755)
  t.teardown(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** A data folder whose cluster is initialised: a copy of the one that `npm test` has made. */
export const initialisedFolder = async (t: Scope): Promise<string> => {
  const dataDir = join(await testFolder(t), 'data')
  const { COLLOQUY_TEST_INITIALISED: initialised } = process.env
  if (initialised) await copy(initialised, dataDir)
  return dataDir
}

const copy = (from: string, to: string) => promisify(execFile)('cp', ['-a', from, to])

/** Makes a cluster whose database is migrated; `made` is there when it is whole. */
const makeMigrated = async (made: string): Promise<void> => {
  const scope = createScope()
  try {
    const dataDir = await initialisedFolder(scope)
    const cluster = await startEmbedded({ dataDir, settings: hasty })
    await migrate(cluster.url).finally(() => cluster.stop())
    await rename(dataDir, made)
  } finally {
    await scope.end()
  }
}

/** Whether nobody has made this folder before. */
const isFirst = (folder: string): Promise<boolean> =>
  mkdir(folder).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false
      throw error
    },
  )

/** Makes a migrated cluster in a folder, or waits until another process has; when that fails, the next one tries. */
const migratedIn = async (folder: string): Promise<string> => {
  const made = join(folder, 'migrated')
  const making = join(folder, 'migrating')
  while (!existsSync(made)) {
    if (await isFirst(making)) {
      await makeMigrated(made).catch(async (error) => {
        await rm(making, { recursive: true })
        throw error
      })
    }
    await until(() => existsSync(made) || !existsSync(making), 'another process to make a migrated cluster')
  }
  return made
}

/** A data folder whose database is migrated: a copy of the one that the first process of the run makes that wants it. */
export const migratedFolder = async (t: Scope): Promise<string> => {
  const made = await migratedIn(process.env.COLLOQUY_TEST_FOLDER ?? (await testFolder(t)))
  const dataDir = join(await testFolder(t), 'data')
  await copy(made, dataDir)
  return dataDir
}

/** A cluster of the test's own, for tests that stop or kill PostgreSQL. */
export const testCluster = async (
  t: Test,
  settings: Record<string, string> = hasty,
): Promise<EmbeddedPostgres> => {
  const dataDir = await initialisedFolder(t)
  const cluster = await startEmbedded({ dataDir, settings })
  t.teardown(() => cluster.stop())
  return cluster
}
