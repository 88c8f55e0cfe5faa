import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chown, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openFolder } from '../src/embedded-postgres/folder.js'
import { commandFor, findRunner } from '../src/embedded-postgres/runner.js'

export interface Pooler {
  port: number
  /** a URL of its console, where `reconnect`, `kill <database>` and the like are commands */
  consoleUrl: string
  /** Drops every connection on both sides, as a crash would. */
  stop(): Promise<void>
}

export interface PoolerOptions {
  /** holds its configuration; made where it is not there, and left behind */
  folder: string
  /** the superuser's URL of the cluster; `logins` have the same password */
  clusterUrl: string
  logins: string[]
  /** connections to the server, for each pair of a login and a database */
  poolSize?: number
  /** the port, where it has to be a certain one */
  port?: number
  settings?: Record<string, string | number>
}

const program = '/usr/sbin/pgbouncer'

/** Why there is no PgBouncer on this machine; undefined when there is one. */
export const missingPoolerReason = existsSync(program)
  ? undefined
  : `there is no ${program}: install the package pgbouncer of Debian or Ubuntu`

/** The same login and database as in a URL of the cluster, through the pooler, which the URL tells. */
export const throughPooler = (url: string, port: number | string): string => {
  const pooled = new URL(url)
  pooled.port = String(port)
  pooled.searchParams.set('pgbouncer', 'true')
  return pooled.href
}

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  await once(probe.close(), 'close')
  return port
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
    // Few, so that connections of the program take turns on one of the server.
    default_pool_size: options.poolSize ?? 3,
    max_client_conn: 1_000,
    server_idle_timeout: 30,
    // A server that was away is asked again soon.
    server_login_retry: 1,
    ...options.settings,
  }
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${value}`)
  return `[databases]\n* = host=${url.hostname} port=${url.port}\n[pgbouncer]\n${lines.join('\n')}\n`
}

/** Resolves when it listens, with what ends it; rejects with its last words when it ends before. */
const launch = async ({ file, args, options }: ReturnType<typeof commandFor>) => {
  // In this process's group, so that whoever ends the whole group ends it too.
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

/** Starts PgBouncer in transaction mode on the loopback interface, in front of the cluster and any database of it. */
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
