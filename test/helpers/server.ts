import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { builtProgram, nodeArgs } from './program.js'
import { until, within } from './wait.js'

export interface ServerProcess {
  url: string
  child: ChildProcess
  /** everything that it printed so far */
  output(): string
  /** Waits until it has printed this, and gives what the pattern finds. */
  printed(pattern: RegExp): Promise<string>
  /** settles when the process has ended and all of its output is there, with the exit code */
  ended: Promise<number | null>
  /** Sends the signal, unless it has ended, and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<number | null>
}

export interface ServerOptions {
  env?: Record<string, string>
  /** the folder of the program, when it is a changed copy */
  cwd?: string
  /** the command line of a server; default: `serve` */
  args?: string[]
  /** how long a command may take, where that is more than usual */
  limitMs?: number
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

/** `colloquy <args>` in a process of its own, without the variables of this one that would configure it. */
export const spawnColloquy = (
  args: string[],
  { env = {}, cwd = builtProgram() }: ServerOptions = {},
): ChildProcess =>
  spawn(process.execPath, [...nodeArgs(cwd, 'src/main.ts'), ...args], {
    cwd,
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
  const what = () => `the end of colloquy ${args.join(' ')}, which has said:\n${stdout}${stderr}`
  const [code] = await within(what, once(child, 'close'), options?.limitMs).finally(() =>
    child.kill('SIGKILL'),
  )
  return { code: code as number | null, stdout, stderr }
}

/** Runs a command to its end in a terminal of its own (util-linux's `script`); gives all that the terminal got. */
export const runInTerminal = async (args: string[], { env = {} }: ServerOptions = {}): Promise<string> => {
  const cwd = builtProgram()
  const command = [process.execPath, ...nodeArgs(cwd, 'src/main.ts'), ...args].join(' ')
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TERM: 'xterm-256color', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const output = text(child.stdout)
  await within(`the end of ${command} in a terminal`, once(child, 'close')).finally(() =>
    child.kill('SIGKILL'),
  )
  return output
}

/** A real server process on a port that the OS gives, listening when this resolves; killed at the end of the test. */
export const startServer = async (
  t: Test,
  { env = {}, cwd, args = ['serve'] }: ServerOptions = {},
): Promise<ServerProcess> => {
  const child = spawnColloquy(args, { env: { PORT: '0', ...env }, ...(cwd && { cwd }) })
  let output = ''
  const ended = once(child, 'close').then(([code]) => code as number | null)
  const end = (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal)
    return within(() => `a server to end by ${signal}, which has said:\n${output}`, ended)
  }
  // A killed one would leave its embedded PostgreSQL behind.
  t.teardown(() => end(env.DATABASE_URL ? 'SIGKILL' : 'SIGTERM'))
  child.stderr?.on('data', (chunk) => {
    output += chunk
  })
  const listening = new Promise<string>((resolve, reject) => {
    const lines = createInterface({ input: child.stdout ?? process.stdin })
    lines.on('line', (line) => {
      output += `${line}\n`
      const address = /Server listening at (http:[^"\s]+)/.exec(line)?.[1]
      if (address) resolve(address)
    })
    void ended.then((code) => reject(new Error(`the server ended with ${code}:\n${output}`)))
  })
  const url = await within(() => `a server to listen, which has said:\n${output}`, listening)
  const printed = async (pattern: RegExp): Promise<string> => {
    const found = () => pattern.exec(output)?.[0]
    await until(() => {
      if (hasEnded(child)) throw new Error(`the server ended before it printed ${pattern}:\n${output}`)
      return found() !== undefined
    }, `the server to print ${pattern}`)
    return found() ?? ''
  }
  return { url, child, output: () => output, printed, ended, end }
}
