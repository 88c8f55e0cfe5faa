import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { type EmbeddedPostgres, startEmbedded } from '../../src/embedded-postgres/start.js'
import type { Scope } from './scope.js'

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
  if (initialised) await promisify(execFile)('cp', ['-a', initialised, dataDir])
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
