import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface RunOptions {
  cwd: string
  signal: AbortSignal
  env?: Record<string, string>
  /** how long it may take; two minutes unless told */
  boundMs?: number
}

/**
 * Runs a program to its end, and gives what it has printed. Rejects with that when it fails or takes too long. It has a process group of its own, so that nothing that it has started stays behind.
 */
export const run = async (
  program: string,
  args: string[],
  { cwd, signal, env, boundMs = 120_000 }: RunOptions,
): Promise<string> => {
  signal.throwIfAborted()
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, NO_COLOR: '1', CI: '1', DO_NOT_TRACK: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  const endGroup = () => {
    try {
      if (child.pid) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // The whole group has ended.
    }
  }
  const timer = setTimeout(endGroup, boundMs)
  signal.addEventListener('abort', endGroup)
  try {
    const [code] = await once(child, 'close')
    signal.throwIfAborted()
    if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${output.trim()}`)
    return output
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', endGroup)
    endGroup()
  }
}
