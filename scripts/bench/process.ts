import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import pidusage from 'pidusage'

interface ChildOptions {
  signal: AbortSignal
  /** its maximum run time */
  boundMs: number
}

/** Runs a program and resolves with its output. Rejects when it fails or exceeds its time, which kills it. */
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

/** Stops a process with SIGTERM, and after `graceMs` with SIGKILL. */
export const endProcess = async (child: ChildProcess, graceMs = 30_000): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  child.kill('SIGTERM')
  await ended
  clearTimeout(timer)
}

/** The total CPU time of processes so far, in seconds. Processes that have exited are left out. */
export const cpuSeconds = async (pids: number[]): Promise<number> => {
  const usages = await Promise.all(pids.map((pid) => pidusage(pid).catch(() => undefined)))
  return usages.reduce((sum, usage) => sum + (usage?.ctime ?? 0) / 1000, 0)
}

/** A process's current RSS, in MB. */
export const residentMegabytes = async (pid: number): Promise<number> => (await pidusage(pid)).memory / 1e6
