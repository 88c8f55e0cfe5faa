/**
 * Runs the tests with other versions of Node: `npm run test:nodes -- [arguments of scripts/test.ts]`, or with other
 * versions `node --import tsx scripts/test-nodes.ts 22 24 [arguments]`. Installs each version from npm into a temporary
 * folder. Fails when the tests fail with any of them.
 */
import { type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../src/root.js'
import { interrupted } from './interrupted.js'

const signal = interrupted()

/** Resolves with the exit code. The child has its own process group, so that Ctrl-C reaches it only once, through us. */
const run = async (program: string, args: string[], options: SpawnOptions = {}): Promise<number> => {
  signal.throwIfAborted()
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options, detached: true })
  const forward = () => child.kill(signal.reason)
  signal.addEventListener('abort', forward)
  const [code, killed] = await once(child, 'exit')
  signal.removeEventListener('abort', forward)
  signal.throwIfAborted()
  return code ?? 128 + constants.signals[killed as NodeJS.Signals]
}

/** Resolves with the folder of that version's `node`. */
const install = async (folder: string, version: string): Promise<string> => {
  const name = `node-${process.platform}-${process.arch}`
  const prefix = join(folder, version)
  const flags = ['--prefix', prefix, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund']
  if ((await run('npm', ['install', ...flags, `${name}@${version}`])) !== 0) {
    throw new Error(`npm cannot install ${name}@${version}, the Node ${version} of this platform.`)
  }
  return join(prefix, 'node_modules', name, 'bin')
}

const testWith = async (bin: string, args: string[]): Promise<number> => {
  const node = join(bin, 'node')
  await run(node, ['--version'])
  return run(node, ['--import', 'tsx', 'scripts/test.ts', ...args], {
    cwd: fileURLToPath(packageRoot),
    // Programs in node_modules/.bin find `node` through PATH.
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
  })
}

const args = process.argv.slice(2)
const isVersion = (text: string) => /^\d+(\.\d+){0,2}$/.test(text)
const rest = args.findIndex((text) => !isVersion(text))
const versions = rest < 0 ? args : args.slice(0, rest)
const folder = await mkdtemp(join(tmpdir(), 'colloquy-nodes-'))
try {
  if (versions.length === 0) throw new Error('Name the versions of Node first, for example 22 24.')
  // Tests that run a program as another user need access to this `node`.
  await chmod(folder, 0o755)
  const results: string[] = []
  for (const version of versions) {
    const code = await testWith(await install(folder, version), rest < 0 ? [] : args.slice(rest))
    results.push(`Node ${version}: ${code === 0 ? 'passed' : `failed (exit code ${code})`}`)
    if (code !== 0) process.exitCode = 1
  }
  console.log(results.join('\n'))
} catch (error) {
  if (!signal.aborted) console.error(error)
  process.exitCode ??= 1
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
