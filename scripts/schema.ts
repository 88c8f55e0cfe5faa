/**
 * Generates schema.sql and schema.json in generated/ from sql/: migrates an empty PostgreSQL 15, the oldest supported version,
 * dumps it for readers, and lists its objects for `colloquy doctor`. With --check it writes nothing and exits with 1 and a
 * diff if a file is out of date. The dump includes grants, which help to isolate users, but not owners, which differ
 * between deployments.
 */
import { execFile, spawnSync } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { connect } from '../src/db/connect.js'
import { migrate } from '../src/db/migrate.js'
import { readSchemaObjects } from '../src/db/schema-objects.js'
import { startEmbedded } from '../src/embedded-postgres/start.js'
import { packageRoot } from '../src/root.js'
import { interrupted } from './interrupted.js'
import { systemProgram, systemServer } from './system-postgres.js'

const version = '15'
const header = '-- Dumped from sql/ by `npm run schema`. Do not edit.\n\n'

/** Lines that differ between minor versions or runs: the versions, and the random keys of psql's \restrict. */
const volatileLines = /^(-- Dumped (from|by) .*|\\(un)?restrict .*)$/gm

const normalise = (dump: string): string =>
  `${header}${dump
    .replaceAll(volatileLines, '')
    .trim()
    .replaceAll(/\n{3,}/g, '\n\n')}\n`

/** The schema's objects, one per line for readable diffs. */
const listObjects = async (url: string): Promise<string> => {
  const db = connect({ url, max: 1, prepare: 'off' })
  try {
    const objects = await db.asLogin(readSchemaObjects)
    return `[\n${objects.map((object) => JSON.stringify(object)).join(',\n')}\n]\n`
  } finally {
    await db.close()
  }
}

const generate = async (folder: string, signal: AbortSignal): Promise<Record<string, string>> => {
  const pgDump = systemProgram(version, 'pg_dump')
  const binaries = systemServer(version)
  const cluster = await startEmbedded({
    dataDir: join(folder, 'cluster'),
    binaries,
    settings: { fsync: 'off' },
  })
  try {
    signal.throwIfAborted()
    // The cluster's only login has the same name on every machine, so the dumped grants are the same.
    await migrate(cluster.url)
    const args = ['--schema-only', '--no-owner', '--schema=colloquy', `--dbname=${cluster.url}`]
    // The caller's PG… variables would change the dump.
    const { stdout } = await promisify(execFile)(pgDump, args, { env: { LC_ALL: 'C' }, signal })
    return {
      'generated/schema.sql': normalise(stdout),
      'generated/schema.json': await listObjects(cluster.url),
    }
  } finally {
    await cluster.stop()
  }
}

const fileOf = (path: string): string => fileURLToPath(new URL(path, packageRoot))

const check = async (folder: string, path: string, text: string): Promise<void> => {
  const current = await readFile(fileOf(path), 'utf8').catch(() => '')
  if (current === text) return
  const [committed, made] = [join(folder, 'committed'), join(folder, 'made')]
  await Promise.all([writeFile(committed, current), writeFile(made, text)])
  const labels = ['--label', path, '--label', 'sql/']
  const { stdout } = spawnSync('diff', ['-u', ...labels, committed, made], { encoding: 'utf8' })
  console.error(`${path} differs from what sql/ gives; run \`npm run schema\`:\n${stdout ?? ''}`)
  process.exitCode = 1
}

const signal = interrupted()
const folder = await mkdtemp(join(tmpdir(), 'colloquy-schema-'))
try {
  // Under root, PostgreSQL runs as another user, which needs access to its data.
  await chmod(folder, 0o755)
  for (const [path, text] of Object.entries(await generate(folder, signal))) {
    if (process.argv.includes('--check')) await check(folder, path, text)
    else {
      await writeFile(fileOf(path), text)
      console.log(`Generated ${path}.`)
    }
  }
} catch (error) {
  if (!signal.aborted) console.error(error)
  process.exitCode ??= 1
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
