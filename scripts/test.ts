/**
 * Runs the tests: `npm test -- [--postgres 15] [--pooler] [--citus --url <url>] [tap's arguments, test files]`. All files share one cluster,
 * which is gone at the end; each has databases of its own, cloned from a template that is migrated once
 * (test/helpers/database.ts). With --pooler the program reaches them through a PgBouncer in transaction mode. With
 * --citus they all share one distributed database on the cluster of that superuser's URL, one after the other. The last line has tap's own numbers: `N passed, N failed, N skipped`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { availableParallelism, constants, tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { endOrphan } from '../src/embedded-postgres/server.js'
import { packageRoot } from '../src/root.js'
import { buildProgram, buildTests, filesOf } from '../test/helpers/build.js'
import { groupsOf, isApart } from '../test/helpers/groups.js'
import { builtPath } from '../test/helpers/program.js'
import { logins } from '../test/helpers/template.js'
import { type Pooler, startPooler } from './pooler.js'
import { citusTests, initialise, openCitus, startCluster } from './test-cluster.js'

const tap = fileURLToPath(new URL('node_modules/.bin/tap', packageRoot))
const root = fileURLToPath(packageRoot)
const preload = 'test/helpers/no-hooks.ts'

// A reader that goes away (`npm test | head`) must not keep the cluster from being ended.
process.stdout.on('error', () => {})

let interrupted: NodeJS.Signals | undefined
let forward: (signal: NodeJS.Signals) => void = () => {}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interrupted ??= signal
    forward(signal)
  })
}

interface Totals {
  pass: number
  fail: number
  skip: number
}

/**
 * Prints tap's output as it comes, shortened: a line per file, the comments, and all that belongs to a failure.
 * Gives tap's own totals; all are 0 when it ended before it wrote them.
 */
const report = async (output: Readable): Promise<Totals> => {
  const totals: Totals = { pass: 0, fail: 0, skip: 0 }
  let lines: string[] = []
  let hasFailed = false
  for await (const line of createInterface({ input: output })) {
    // A line of tap's own, of a group of files, or of a file, in this order.
    const [, totalsOf, group, file] =
      /^(?:# \{ (total: \d+.*)|((?:not )?ok .*)| {4}((?:not )?ok \d+ .*))$/.exec(line) ?? []
    const count = (key: string) => Number(new RegExp(`\\b${key}: (\\d+)`).exec(line)?.[1] ?? 0)
    const end = group ?? file
    if (totalsOf) {
      Object.assign(totals, { pass: count('pass'), fail: count('fail'), skip: count('skip') + count('todo') })
    } else if (end) {
      const isFailed = end.startsWith('not ')
      const told = isFailed
        ? lines.filter((text) => !/^ *(ok \d|1\.\.|# (Subtest|time=)|$)/.test(text))
        : lines.filter((text) => /^ +# (?!Subtest|time=)|# (SKIP|TODO)/.test(text))
      for (const text of [...told, ...(file || isFailed ? [end] : [])]) console.log(text)
      lines = []
      hasFailed = isFailed && group !== undefined
    } else if (hasFailed && line.startsWith('  ')) console.log(line)
    else {
      hasFailed = false
      lines.push(line)
    }
  }
  return totals
}

/** Tests spend much of their time waiting; beyond two more than the cores they only slow each other down. */
const usualJobs = Math.min(availableParallelism() + 2, 8)

/** Runs tap in a process group of its own, so that a signal reaches it once and nothing of it can stay behind. */
const runTap = async (
  folder: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  jobs: number,
): Promise<Totals & { code: number }> => {
  const child = spawn(process.execPath, [tap, '--reporter=tap', `--jobs=${jobs}`, ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['inherit', 'pipe', 'inherit'],
    detached: true,
  })
  const exit = once(child, 'exit')
  const endGroup = () => {
    try {
      if (child.pid) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // The whole group has ended.
    }
  }
  forward = (signal) => {
    child.kill(signal)
    setTimeout(endGroup, 2000).unref()
  }
  const totals = await report(child.stdout)
  const [code] = await exit
  endGroup()
  return { ...totals, code: typeof code === 'number' ? code : 1 }
}

/** The test files that tap's arguments name, from the root, and the rest of the arguments. */
const selectTests = async (args: string[]): Promise<{ paths: string[]; options: string[] }> => {
  const options = args.filter((arg) => arg.startsWith('-'))
  const named = args.filter((arg) => !arg.startsWith('-')).map((arg) => relative(root, resolve(arg)))
  for (const path of named) if (!existsSync(join(root, path))) throw new Error(`There is no ${path} to test.`)
  const found = await Promise.all((named.length > 0 ? named : ['test']).map(filesOf))
  const paths = found.flat().filter((path) => path.endsWith('.test.ts'))
  return { paths: named.length > 0 ? paths : paths.filter((path) => !isApart(path)), options }
}

let summary = '0 passed, 1 failed'

/** Takes an option, and its value if it has one, out of the arguments. */
const take = (args: string[], option: string, hasValue = false): string | undefined => {
  const at = args.indexOf(option)
  if (at < 0) return undefined
  const [, value] = args.splice(at, hasValue ? 2 : 1)
  return hasValue ? value : option
}

const run = async (args: string[], folder: string): Promise<number> => {
  const version = take(args, '--postgres', true)
  const isPooled = take(args, '--pooler') !== undefined
  const isOnCitus = take(args, '--citus') !== undefined
  const citusUrl = take(args, '--url', true)
  if (isOnCitus && !citusUrl)
    throw new Error(
      "--url is missing: a superuser's, of a database of the coordinator in which Citus knows its nodes.",
    )
  const { paths, options } = await selectTests(
    isOnCitus && args.every((arg) => arg.startsWith('-')) ? [...args, ...citusTests] : args,
  )
  const groups = groupsOf(paths)
  const program = join(folder, 'program')
  const tests = join(folder, 'tests')
  const [initialised] = await Promise.all([
    version ? undefined : initialise(join(folder, 'initialised')),
    buildProgram(program),
    buildTests(groups, [preload], tests),
  ])
  const cluster = citusUrl ? await openCitus(citusUrl) : await startCluster(folder, { initialised, version })
  let pooler: Pooler | undefined
  try {
    if (isPooled) {
      pooler = await startPooler({ folder: join(folder, 'pooler'), clusterUrl: cluster.url, logins })
    }
    if (interrupted) return 1
    const loader = `--import=${pathToFileURL(join(tests, builtPath(preload)))}`
    const env = {
      // Else tap has ts-node load itself, for nothing.
      TAP_TYPE_STRIP_ONLY: '1',
      COLLOQUY_TEST_CLUSTER: cluster.url,
      COLLOQUY_TEST_CITUS: cluster.distributed,
      COLLOQUY_TEST_FOLDER: folder,
      COLLOQUY_TEST_INITIALISED: initialised,
      COLLOQUY_TEST_PROGRAM: program,
      COLLOQUY_TEST_POOLER: pooler && String(pooler.port),
      COLLOQUY_TEST_POSTGRES: version,
    }
    const { pass, fail, skip, code } = await runTap(
      tests,
      [...options, `--test-env=NODE_OPTIONS=${loader}`, ...[...groups.keys()].map((name) => `${name}.js`)],
      env,
      cluster.distributed ? 1 : usualJobs,
    )
    // A file that fails without a failing assertion, or a run without any, is a failure too.
    const failed = Math.max(fail, code === 0 && pass + skip > 0 ? 0 : 1)
    summary = `${pass} passed, ${failed} failed${skip > 0 ? `, ${skip} skipped` : ''}`
    return failed > 0 ? code || 1 : 0
  } finally {
    await pooler?.stop()
    await cluster.stop()
  }
}

const folder = await mkdtemp(join(tmpdir(), 'colloquy-test-'))
// PostgreSQL runs as another user when this runs as root, and has to get to its data.
await chmod(folder, 0o755)
try {
  process.exitCode = await run(process.argv.slice(2), folder)
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  // A test that was killed may have left a cluster of its own.
  for (const path of await readdir(folder, { recursive: true })) {
    if (path.endsWith('/postmaster.pid')) await endOrphan(join(folder, dirname(path)), () => {})
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
if (interrupted) process.exitCode = 128 + constants.signals[interrupted]
console.log(summary)
