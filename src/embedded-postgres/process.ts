import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const ps = (pid: number, column: string) =>
  execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' }).trim()

/** When a process started; undefined when it is gone. A zombie counts as gone. */
const startOf = (pid: number): string | undefined => {
  try {
    if (process.platform !== 'linux') return ps(pid, 'lstart').replaceAll(' ', '_') || undefined
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The program's name comes second, in parentheses, and may itself hold any of these characters.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return fields[0] === 'Z' ? undefined : `${fields[19]}.${boot}`
  } catch {
    return undefined
  }
}

/** A permanent identity of a living process, since pids are reused; undefined when there is none. */
export const identify = (pid: number): string | undefined => {
  const start = startOf(pid)
  return start && `${pid}.${start}`
}

export const isAlive = (identity: string): boolean => identify(Number.parseInt(identity, 10)) === identity

/** The command line, its parts joined by spaces; empty when there is no such process. */
export const commandLine = (pid: number): string => {
  try {
    if (process.platform !== 'linux') return ps(pid, 'command')
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

const waitForExit = async (identity: string, boundMs: number): Promise<boolean> => {
  for (const end = Date.now() + boundMs; isAlive(identity); await sleep(20))
    if (Date.now() > end) return false
  return true
}

/** Stops a postmaster: fast shutdown, then immediate shutdown, then SIGKILL. */
export const stopPostmaster = async (identity: string): Promise<void> => {
  const steps = [
    ['SIGINT', 15_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const
  for (const [signal, boundMs] of steps) {
    try {
      if (isAlive(identity)) process.kill(Number.parseInt(identity, 10), signal)
    } catch (error) {
      // It may have exited between the two calls. Otherwise we lack the permission to signal it.
      if (isAlive(identity)) throw error
    }
    if (await waitForExit(identity, boundMs)) return
  }
  throw new Error(`PostgreSQL (process ${Number.parseInt(identity, 10)}) did not exit, even after SIGKILL.`)
}
