import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chown, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openFolder } from '../src/embedded-postgres/folder.js'
import { commandFor, findRunner } from '../src/embedded-postgres/runner.js'
import { freePort } from './free-port.js'

export interface Pooler {
  port: number
  /** the URL of the admin console (`reconnect`, `kill <database>` …) */
  consoleUrl: string
  /** Kills it, which drops every connection on both sides, as in a crash. */
  stop(): Promise<void>
}

interface PoolerOptions {
  /** holds its configuration; created if missing, not removed */
  folder: string
  /** the superuser's URL of the cluster; all `logins` have the same password */
  clusterUrl: string
  logins: string[]
  /** server connections per login and database */
  poolSize?: number
  /** default: a free port */
  port?: number
  settings?: Record<string, string | number>
}

const program = '/usr/sbin/pgbouncer'

/** Why PgBouncer is not available; undefined when it is. */
export const missingPoolerReason = existsSync(program)
  ? undefined
  : `there is no ${program}: install the package pgbouncer of Debian or Ubuntu`

/** Rewrites a URL of the cluster to go through the pooler, with pgbouncer=true. */
export const throughPooler = (url: string, port: number | string): string => {
  const pooled = new URL(url)
  pooled.port = String(port)
  pooled.searchParams.set('pgbouncer', 'true')
  return pooled.href
}

const iniOf = (url: URL, port: number, users: string, options: PoolerOptions): string => {
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: users,
    admin_users: 'postgres',
    pool_mode: 'transaction',
    // Few, so that client connections have to share a server connection.
    default_pool_size: options.poolSize ?? 3,
    max_client_conn: 1_000,
    server_idle_timeout: 30,
    // Reconnect soon after an outage.
    server_login_retry: 1,
    ...options.settings,
  }
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${value}`)
  return `[databases]\n* = host=${url.hostname} port=${url.port}\n[pgbouncer]\n${lines.join('\n')}\n`
}

/** Resolves with the stop function when it listens. Rejects with its last output if it exits before. */
const launch = async ({ file, args, options }: ReturnType<typeof commandFor>) => {
  // In this process's group, so that a signal to the group stops it too.
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
  const exited = once(child, 'exit')
  const lastLines: string[] = []
  const listening = new Promise<void>((resolve) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      lastLines.splice(0, lastLines.length - 19)
      lastLines.push(line)
      if (line.includes('process up:')) resolve()
    })
  })
  const ended = exited.then(() => Promise.reject(new Error(`PgBouncer ended:\n${lastLines.join('\n')}`)))
  await Promise.race([listening, ended])
  ended.catch(() => {})
  return async () => {
    child.kill('SIGKILL')
    await exited
  }
}

/** Starts PgBouncer in transaction mode on the loopback interface, for all databases of the cluster. */
export const startPooler = async (options: PoolerOptions): Promise<Pooler> => {
  if (missingPoolerReason) throw new Error(`PgBouncer: ${missingPoolerReason}.`)
  const cluster = new URL(options.clusterUrl)
  const port = options.port ?? (await freePort())
  // Like PostgreSQL, it refuses to run as root.
  const { folder, user } = await openFolder(options.folder)
  const { runner } = await findRunner(user, program, folder)
  const write = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name)
    await writeFile(path, text, { mode: 0o600 })
    if (user) await chown(path, user.uid, user.gid)
    return path
  }
  const logins = ['postgres', ...options.logins].map((login) => `"${login}" "${cluster.password}"\n`)
  const users = await write('users.txt', logins.join(''))
  const ini = await write('pgbouncer.ini', iniOf(cluster, port, users, options))
  const stop = await launch(commandFor(runner, program, [ini]))
  return { port, consoleUrl: throughPooler(new URL('/pgbouncer', cluster).href, port), stop }
}
