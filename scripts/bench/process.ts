import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import pidusage from 'pidusage'

export interface ChildOptions {
  signal: AbortSignal
  /** the longest that it may run */
  boundMs: number
}

/** Runs a program to its end and gives what it wrote; rejects when it fails, and ends it when its time is up. */
export const runProgram = async (
  program: string,
  args: string[],
  { signal, boundMs }: ChildOptions,
): Promise<string> => {
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.any([signal, AbortSignal.timeout(boundMs)]),
    killSignal: 'SIGKILL',
  })
  const output = { out: '', err: '' }
  child.stdout.on('data', (chunk) => {
    output.out += chunk
  })
  child.stderr.on('data', (chunk) => {
    output.err += chunk
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${output.err}`)
  return output.out
}

/** Ends a process: with SIGTERM, and after `graceMs` with SIGKILL. */
export const endProcess = async (child: ChildProcess, graceMs = 30_000): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  child.kill('SIGTERM')
  await ended
  clearTimeout(timer)
}

/** The processor time that processes have had so far, in seconds; one that has ended counts for nothing. */
export const cpuSeconds = async (pids: number[]): Promise<number> => {
  const usages = await Promise.all(pids.map((pid) => pidusage(pid).catch(() => undefined)))
  return usages.reduce((sum, usage) => sum + (usage?.ctime ?? 0) / 1000, 0)
}

/** The memory that a process has now (RSS), in MB. */
export const residentMegabytes = async (pid: number): Promise<number> => (await pidusage(pid)).memory / 1e6
