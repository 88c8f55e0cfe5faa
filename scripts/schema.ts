/**
 * Makes generated/schema.sql from sql/: migrates an empty PostgreSQL 15, the oldest that we support, and dumps it.
 * With --check it writes nothing, and exits 1 with a diff when the file differs. Grants are part of the dump,
 * because they are part of what protects users from each other; owners are not, because every deployment has its own.
 */
import { execFile, spawnSync } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startEmbedded } from '../src/db/embedded.js'
import { migrate } from '../src/db/migrate.js'
import { packageRoot } from '../src/root.js'
import { interrupted } from './interrupted.js'
import { systemProgram, systemServer } from './system-postgres.js'

const version = '15'
const path = 'generated/schema.sql'
const file = fileURLToPath(new URL(path, packageRoot))
const header = '-- Dumped from sql/ by `npm run schema`. Do not edit.\n\n'

/** What differs from one minor version, or one run, to the next: the versions, and the random keys of psql's \restrict. */
const passing = /^(-- Dumped (from|by) .*|\\(un)?restrict .*)$/gm

const normalise = (dump: string): string =>
  `${header}${dump
    .replaceAll(passing, '')
    .trim()
    .replaceAll(/\n{3,}/g, '\n\n')}\n`

const dumpSchema = async (folder: string, signal: AbortSignal): Promise<string> => {
  const pgDump = systemProgram(version, 'pg_dump')
  const binaries = systemServer(version)
  const cluster = await startEmbedded({
    dataDir: join(folder, 'cluster'),
    binaries,
    settings: { fsync: 'off' },
  })
  try {
    signal.throwIfAborted()
    // Its one login has the same name on every machine, so that the same grants are dumped everywhere.
    await migrate(cluster.url)
    const args = ['--schema-only', '--no-owner', '--schema=colloquy', `--dbname=${cluster.url}`]
    // The caller's PG… variables would change what is dumped.
    const { stdout } = await promisify(execFile)(pgDump, args, { env: { LC_ALL: 'C' }, signal })
    return normalise(stdout)
  } finally {
    await cluster.stop()
  }
}

const check = async (folder: string, text: string): Promise<void> => {
  const current = await readFile(file, 'utf8').catch(() => '')
  if (current === text) return
  const [committed, dumped] = [join(folder, 'committed.sql'), join(folder, 'dumped.sql')]
  await Promise.all([writeFile(committed, current), writeFile(dumped, text)])
  const labels = ['--label', path, '--label', 'sql/']
  const { stdout } = spawnSync('diff', ['-u', ...labels, committed, dumped], { encoding: 'utf8' })
  console.error(`${path} differs from what sql/ gives; run \`npm run schema\`:\n${stdout ?? ''}`)
  process.exitCode = 1
}

const signal = interrupted()
const folder = await mkdtemp(join(tmpdir(), 'colloquy-schema-'))
try {
  // PostgreSQL runs as another user when this runs as root, and has to get to its data.
  await chmod(folder, 0o755)
  const text = await dumpSchema(folder, signal)
  if (process.argv.includes('--check')) await check(folder, text)
  else {
    await writeFile(file, text)
    console.log(`Dumped ${path}.`)
  }
} catch (error) {
  if (!signal.aborted) console.error(error)
  process.exitCode ??= 1
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
