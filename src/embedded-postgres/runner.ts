import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import type { User } from './folder.js'

const execute = promisify(execFile)

/** How to run PostgreSQL's programs: as which user, and with which command prefix. */
export interface Runner {
  /** the owner of the cluster's files, if that is not this process's user */
  user: User | undefined
  prefix: string[]
}

/** A fixed environment, so that none of our secrets reaches PostgreSQL. */
const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/** The command to spawn. A prefix changes the user itself. */
export const commandFor = ({ user, prefix }: Runner, program: string, args: string[]) => {
  const [file = program, ...rest] = [...prefix, program, ...args]
  return { file, args: rest, options: { env, cwd: '/', ...(prefix.length === 0 && user) } }
}

export const run = async (runner: Runner, program: string, args: string[]): Promise<string> => {
  const command = commandFor(runner, program, args)
  return (await execute(command.file, command.args, command.options)).stdout
}

/**
 * Runs a command as another user that keeps one of root's capabilities: to traverse folders that are closed to it, such as
 * a project under /root. By default containers have only the wider capability. `no_setuid_fixup` preserves it for
 * access(2), which initdb uses to find its programs.
 */
const setprivPrefix = ({ uid, gid }: User): string[] => {
  const effective = BigInt(
    `0x${/^CapEff:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`,
  )
  const capability = effective & (1n << 2n) ? 'dac_read_search' : 'dac_override'
  return [
    'setpriv',
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    '--securebits=+no_setuid_fixup',
    `--inh-caps=-all,+${capability}`,
    `--ambient-caps=-all,+${capability}`,
    `--bounding-set=-all,+${capability}`,
  ]
}

/** Finds, by trying, a way to run `postgres` that can access both the program and the data folder. */
export const findRunner = async (
  user: User | undefined,
  postgres: string,
  folder: string,
): Promise<{ runner: Runner; version: number }> => {
  const prefixes = [() => [], ...(user && process.platform === 'linux' ? [() => setprivPrefix(user)] : [])]
  const failures: string[] = []
  for (const prefix of prefixes) {
    try {
      const runner = { user, prefix: prefix() }
      const answer = await run(runner, '/bin/sh', [
        '-c',
        'cd "$1" && exec "$2" --version',
        'sh',
        folder,
        postgres,
      ])
      return { runner, version: Number(/ (\d+)/.exec(answer)?.[1]) }
    } catch (error) {
      failures.push((error as { stderr?: string }).stderr?.trim() || String(error))
    }
  }
  const who = user ? `user ${user.uid}, because it does not run as root` : 'this user'
  throw new Error(
    `PostgreSQL cannot be run as ${who}, with the program ${postgres} and the data folder ${folder}:\n` +
      `${failures.join('\n')}\n` +
      'Set DATABASE_URL to a PostgreSQL of yours, or place the program and DATA_DIR where that user can reach them' +
      `${user ? ' (or install setpriv, of util-linux)' : ''}.`,
  )
}
