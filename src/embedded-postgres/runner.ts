import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import type { User } from './folder.js'

const execute = promisify(execFile)

/** How the programs of PostgreSQL are run: by whom, and with what in front. */
export interface Runner {
  /** who owns the cluster's files, where that is not this process's own user */
  user: User | undefined
  prefix: string[]
}

/** Nothing of our own environment, secrets among it, reaches PostgreSQL. */
const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/** What to spawn. With a prefix, the prefix changes the user. */
export const commandFor = ({ user, prefix }: Runner, program: string, args: string[]) => {
  const [file = program, ...rest] = [...prefix, program, ...args]
  return { file, args: rest, options: { env, cwd: '/', ...(prefix.length === 0 && user) } }
}

export const run = async (runner: Runner, program: string, args: string[]): Promise<string> => {
  const command = commandFor(runner, program, args)
  return (await execute(command.file, command.args, command.options)).stdout
}

/**
 * The other user, with root's power to pass folders that are closed to it, and no other: what a project under
 * /root needs. Containers have only the wider capability by default. `no_setuid_fixup` keeps the power for
 * access(2) too, by which initdb looks for its programs.
 */
const passingFolders = ({ uid, gid }: User): string[] => {
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

/** Finds a way to run `postgres` that reaches both it and the data folder, by trying; gives its major version too. */
export const findRunner = async (
  user: User | undefined,
  postgres: string,
  folder: string,
): Promise<{ runner: Runner; version: number }> => {
  const ways = [() => [], ...(user && process.platform === 'linux' ? [() => passingFolders(user)] : [])]
  const failures: string[] = []
  for (const prefix of ways) {
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
