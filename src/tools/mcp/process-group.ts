import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
// It finds programs on Windows, too (npx is a .cmd there).
import spawn from 'cross-spawn'

/** How long a group may take to end by itself, after its input has ended, and then after SIGTERM and SIGKILL. */
const GRACE_MS = 2_000
const POLL_MS = 20

export interface ProcessGroup {
  child: ChildProcess
  /** Ends the process and all that it has started: by the end of its input, then SIGTERM, then SIGKILL. */
  end(): Promise<void>
}

/** A group stays while any process of it lives, its leader or not. Windows has none, and only the leader is ended there. */
const hasGroups = process.platform !== 'win32'

const signalTo = (child: ChildProcess, signal: NodeJS.Signals | 0): boolean => {
  const { pid } = child
  if (pid === undefined) return false
  if (!hasGroups) return child.exitCode === null && child.signalCode === null && child.kill(signal)
  try {
    return process.kill(-pid, signal)
  } catch {
    return false
  }
}

const running = new Set<ChildProcess>()

// There is no time for more than this when the process ends: by an error, or since it took too long to end.
const killAll = (): void => {
  for (const child of running) signalTo(child, 'SIGKILL')
}

const isGone = async (child: ChildProcess): Promise<boolean> => {
  for (const start = performance.now(); performance.now() - start < GRACE_MS; await delay(POLL_MS)) {
    if (!signalTo(child, 0)) return true
  }
  return false
}

const endGroup = async (child: ChildProcess): Promise<void> => {
  child.stdin?.end()
  // Its leader has ended already, and may have been what told the others to.
  const hasLeader = child.exitCode === null && child.signalCode === null
  if (!(hasLeader && (await isGone(child)))) {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (!signalTo(child, signal) || (await isGone(child))) break
    }
  }
  running.delete(child)
  if (running.size === 0) process.off('exit', killAll)
}

/** Starts a program as the leader of a group of its own, since what starts a tool server is often not the server (npx, sh, uvx). */
export const startGroup = (command: string, args: string[], options: SpawnOptions): Promise<ProcessGroup> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, detached: hasGroups, windowsHide: true })
    let ending: Promise<void> | undefined
    const end = () => {
      ending ??= endGroup(child)
      return ending
    }
    child.once('error', reject)
    child.once('spawn', () => {
      if (running.size === 0) process.on('exit', killAll)
      running.add(child)
      resolve({ child, end })
    })
    // Those that it leaves behind serve nobody.
    child.once('exit', () => void end())
  })
