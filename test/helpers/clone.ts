import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { packageRoot } from '../../src/root.js'
import { within } from './wait.js'

const root = fileURLToPath(packageRoot)
const notCloned = new Set(['node_modules', '.git', '.colloquy', '.tap', 'dist'])

/**
 * A copy of the project as a clone has it, in which `npm install` finds all packages in their places: they are links to the files of
 * this one's node_modules, where the copy lies, since links do not lead to other disks.
 */
export const cloneOf = async (t: Test): Promise<string> => {
  const cache = join(root, 'node_modules/.cache')
  await mkdir(cache, { recursive: true })
  const clone = await mkdtemp(join(cache, 'colloquy-clone-'))
  t.teardown(() => rm(clone, { recursive: true, force: true, maxRetries: 5 }))
  // PostgreSQL runs as another user when this runs as root, and has to get to its data.
  await chmod(clone, 0o755)
  const filter = (path: string) => !notCloned.has(path.slice(path.lastIndexOf('/') + 1))
  for (const name of (await readdir(root)).filter(filter)) {
    await cp(join(root, name), join(clone, name), { recursive: true, filter })
  }
  const modules = join(clone, 'node_modules')
  await mkdir(modules)
  const packages = (await readdir(join(root, 'node_modules'))).filter((name) => name !== '.cache')
  const sources = packages.map((name) => join(root, 'node_modules', name))
  await promisify(execFile)('cp', ['-al', ...sources, modules])
  // npm writes it in place.
  const lock = join(modules, '.package-lock.json')
  await rm(lock)
  await cp(join(root, 'node_modules/.package-lock.json'), lock)
  return clone
}

export interface ShellOptions {
  cwd: string
  env?: Record<string, string>
}

/** A user's shell: nothing of this process's environment configures what it runs, and npm asks nobody. */
const shellEnv = (env: Record<string, string> = {}) => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  npm_config_offline: 'true',
  npm_config_audit: 'false',
  ...env,
})

/** Runs commands as a user's shell does, and gives what they print; rejects when they fail. */
export const runShell = async (commands: string, { cwd, env }: ShellOptions): Promise<string> => {
  const options = { cwd, env: shellEnv(env), timeout: 60_000 }
  const { stdout } = await promisify(execFile)('sh', ['-ec', commands], options)
  return stdout
}

/** Starts commands that do not end by themselves, and waits until they have printed something; ended with the test. */
export const startShell = async (
  t: Test,
  commands: string,
  expected: RegExp,
  { cwd, env }: ShellOptions,
): Promise<string> => {
  const child = spawn('sh', ['-ec', commands], {
    cwd,
    env: shellEnv(env),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  const ended = once(child, 'close')
  t.teardown(async () => {
    // As Ctrl-C does, to all that the shell has started.
    if (child.pid && child.exitCode === null) process.kill(-child.pid, 'SIGINT')
    await within(() => `the end of what the shell has started, which has said:\n${output}`, ended)
  })
  const printed = new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk
        const [found] = expected.exec(output) ?? []
        if (found) resolve(found)
      })
    }
    void ended.then(([code]) => reject(new Error(`it ended with ${code}:\n${output}`)))
  })
  return within(() => `${expected}, and so far:\n${output}`, printed)
}
