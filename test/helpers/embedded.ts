import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import postgres from 'postgres'
import type { Test } from 'tap'
import { type EmbeddedOptions, startEmbedded } from '../../src/embedded-postgres/start.js'
import { hasty } from './cluster.js'
import { builtProgram } from './program.js'
import { within } from './wait.js'

/** A cluster in a given folder, stopped at the test's end. */
export const start = async (t: Test, dataDir: string, options: Partial<EmbeddedOptions> = {}) => {
  const cluster = await startEmbedded({ dataDir, settings: hasty, ...options })
  t.teardown(() => cluster.stop())
  return cluster
}

export const query = async (url: string, statement: string) => {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return (await sql.unsafe(statement)).map((row) => ({ ...row }))
  } finally {
    await sql.end()
  }
}

export const isAnswering = async (url: string) => (await query(url, 'select 1')).length === 1

/** Another program that starts the cluster and then waits to be killed; `url` comes when it has. */
export const starter = (t: Test, dataDir: string, user: { uid?: number; gid?: number } = {}) => {
  const script = `
    import { startEmbedded } from ${JSON.stringify(pathToFileURL(join(builtProgram(), 'src/embedded-postgres/start.js')).href)}
    const cluster = await startEmbedded(${JSON.stringify({ dataDir, settings: hasty })})
    process.on('SIGTERM', () => cluster.stop())
    console.log(cluster.url)`
  const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    env: {},
    stdio: ['ignore', 'pipe', 'inherit'],
    ...user,
  })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGTERM')
    await within('the end of a program that runs a cluster', exited)
  })
  const started = Promise.race([once(child.stdout ?? child, 'data'), exited])
  const url = within('another program to start a cluster', started).then(([line]) => String(line).trim())
  return { child, exited, url }
}

/** The process that postmaster.pid names. */
export const postmaster = async (dataDir: string) =>
  Number.parseInt(await readFile(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8'), 10)

/** The embedded programs in another folder. */
export const copyOfPrograms = async (folder: string) => {
  const program = createRequire(import.meta.url).resolve(
    `@embedded-postgres/${process.platform}-${process.arch}`,
  )
  const native = join(folder, 'native')
  await cp(join(dirname(program), '../native'), native, { recursive: true, verbatimSymlinks: true })
  return { native, binaries: { initdb: join(native, 'bin/initdb'), postgres: join(native, 'bin/postgres') } }
}
