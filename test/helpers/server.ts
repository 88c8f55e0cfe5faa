import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { packageRoot } from '../../src/root.js'

export interface ServerProcess {
  url: string
  child: ChildProcess
  /** everything that it printed so far */
  output(): string
  /** Sends the signal and gives the exit code when the process has ended. */
  end(signal?: NodeJS.Signals): Promise<number | null>
}

export interface ServerOptions {
  env?: Record<string, string>
  /** the folder of the program, when it is a changed copy */
  cwd?: string
}

const ended = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

/** `colloquy <args>` in a process of its own, without the variables of this one that would configure it. */
export const spawnColloquy = (args: string[], { env = {}, cwd }: ServerOptions = {}): ChildProcess =>
  spawn(process.execPath, ['--import', 'tsx', 'src/main.ts', ...args], {
    cwd: cwd ?? fileURLToPath(packageRoot),
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })

/** Runs a command to its end. */
export const runColloquy = async (args: string[], options?: ServerOptions) => {
  const child = spawnColloquy(args, options)
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  const [code] = await once(child, 'close')
  return { code: code as number | null, stdout, stderr }
}

/** A real server process on a port that the OS gives, listening when this resolves; killed at the end of the test. */
export const startServer = async (t: Test, { env = {}, cwd }: ServerOptions = {}): Promise<ServerProcess> => {
  const child = spawnColloquy(['serve'], { env: { PORT: '0', ...env }, ...(cwd && { cwd }) })
  let output = ''
  const end = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (!ended(child)) {
      child.kill(signal)
      await once(child, 'exit')
    }
    return child.exitCode
  }
  t.teardown(() => end('SIGKILL'))
  child.stderr?.on('data', (chunk) => {
    output += chunk
  })
  const url = await new Promise<string>((resolve, reject) => {
    const lines = createInterface({ input: child.stdout ?? process.stdin })
    lines.on('line', (line) => {
      output += `${line}\n`
      const address = /Server listening at (http:[^"\s]+)/.exec(line)?.[1]
      if (address) resolve(address)
    })
    child.once('close', (code) => reject(new Error(`the server ended with ${code}:\n${output}`)))
  })
  return { url, child, output: () => output, end }
}
