import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
// Unlike node:child_process, it finds .cmd files on Windows, such as npx.
import spawn from 'cross-spawn'

/** How long a group has to exit after each step: end of input, SIGTERM, SIGKILL. */
const GRACE_MS = 2_000
const POLL_MS = 20

export interface ProcessGroup {
  child: ChildProcess
  /** Ends the process and its descendants: closes its input, then sends SIGTERM, then SIGKILL. */
  end(): Promise<void>
}

/** Windows has no process groups, so only the leader is ended there. */
const hasGroups = process.platform !== 'win32'

/** Sends a signal to the group; false when it has no processes left. */
const sendSignal = (child: ChildProcess, signal: NodeJS.Signals | 0): boolean => {
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

// Runs when our process exits without a clean shutdown; `exit` handlers cannot wait.
const killAll = (): void => {
  for (const child of running) sendSignal(child, 'SIGKILL')
}

const waitForExit = async (child: ChildProcess): Promise<boolean> => {
  for (const start = performance.now(); performance.now() - start < GRACE_MS; await delay(POLL_MS)) {
    if (!sendSignal(child, 0)) return true
  }
  return false
}

const endGroup = async (child: ChildProcess): Promise<void> => {
  child.stdin?.end()
  // Without its leader, nothing tells the rest of the group that the input has ended.
  const hasLeader = child.exitCode === null && child.signalCode === null
  if (!(hasLeader && (await waitForExit(child)))) {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (!sendSignal(child, signal) || (await waitForExit(child))) break
    }
  }
  running.delete(child)
  if (running.size === 0) process.off('exit', killAll)
}

/** Spawns a program as the leader of its own process group, because launchers such as npx, uvx or sh start the actual server. */
export const startGroup = (command: string, args: string[], options: SpawnOptions): Promise<ProcessGroup> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, detached: hasGroups, windowsHide: true })
    let ended: Promise<void> | undefined
    const end = () => {
      ended ??= endGroup(child)
      return ended
    }
    child.once('error', reject)
    child.once('spawn', () => {
      if (running.size === 0) process.on('exit', killAll)
      running.add(child)
      resolve({ child, end })
    })
    // Ends descendants that outlive the leader.
    child.once('exit', () => void end())
  })
