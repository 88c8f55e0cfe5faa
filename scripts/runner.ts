import { type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { join } from 'node:path'

/** Runs programs until the signal aborts. */
export const createRunner = (signal: AbortSignal) => {
  /** Resolves with the exit code. The child has its own process group, so that Ctrl-C reaches it only once, through us. */
  const run = async (program: string, args: string[], options: SpawnOptions = {}): Promise<number> => {
    signal.throwIfAborted()
    const child = spawn(program, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      ...options,
      detached: true,
    })
    const forward = () => child.kill(signal.reason)
    signal.addEventListener('abort', forward)
    const [code, killed] = await once(child, 'exit')
    signal.removeEventListener('abort', forward)
    signal.throwIfAborted()
    return code ?? 128 + constants.signals[killed as NodeJS.Signals]
  }

  /** Installs a version of Node from npm; resolves with the folder of its `node`. */
  const installNode = async (folder: string, version: string): Promise<string> => {
    const name = `node-${process.platform}-${process.arch}`
    const prefix = join(folder, version)
    const flags = ['--prefix', prefix, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund']
    if ((await run('npm', ['install', ...flags, `${name}@${version}`])) !== 0) {
      throw new Error(`npm cannot install ${name}@${version}, the Node ${version} of this platform.`)
    }
    return join(prefix, 'node_modules', name, 'bin')
  }
  return { run, installNode }
}
