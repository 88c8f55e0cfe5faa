import postgres from 'postgres'
import { backendPids } from '../bench/backends.js'
import { openBenchEnvironment } from '../bench/environment.js'
import { makeLoad } from '../bench/load.js'
import { cpuSeconds } from '../bench/process.js'
import type { Server } from '../bench/server.js'
import { callsOf } from '../bench/user.js'
import type { Costs } from './model.js'

interface MeasureOptions {
  clients: number
  seconds: number
  signal: AbortSignal
}

interface Site {
  sql: postgres.Sql
  servers: Server[]
  /** Sends turns by so many clients, shared among the servers. */
  send(
    clients: number,
    seconds: number,
  ): Promise<{ turns: number; perSecond: number; cpuSeconds: number; p50: number }>
}

/** Runs `work` with servers on one database, and removes everything. */
const withServers = async <T>(
  count: number,
  { seconds, signal, clients }: MeasureOptions,
  work: (site: Site) => Promise<T>,
): Promise<T> => {
  const environment = await openBenchEnvironment(signal)
  try {
    const url = await environment.database()
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    const servers = await Promise.all(
      Array.from({ length: count }, () =>
        environment.server({ env: { DATABASE_URL: url, NODE_ENV: 'production' } }),
      ),
    )
    const users = await Promise.all(Array.from({ length: clients }, (_, n) => callsOf(`user-${n}`)))
    const calls = users.map(({ chat }) => [chat()])
    const site: Site = {
      sql,
      servers,
      async send(connections, time) {
        const loads = await Promise.all(
          servers.map((server, n) => {
            const share = Math.floor(connections / count) + (n < connections % count ? 1 : 0)
            const own = calls.filter((_, i) => i % count === n)
            return share === 0
              ? undefined
              : makeLoad(
                  { url: server.url, connections: share, calls: own, until: { seconds: time } },
                  signal,
                )
          }),
        )
        const made = loads.filter((load) => load !== undefined)
        const micros = made.flatMap((load) => load.micros).sort((a, b) => a - b)
        return {
          turns: micros.length,
          perSecond: made.reduce((sum, load) => sum + load.micros.length / load.seconds, 0),
          cpuSeconds: made.reduce((sum, load) => sum + load.cpuSeconds, 0),
          p50: (micros[Math.floor(micros.length / 2)] ?? 0) / 1000,
        }
      },
    }
    await site.send(clients, 2 * seconds)
    try {
      return await work(site)
    } finally {
      await sql.end({ timeout: 1 })
    }
  } finally {
    await environment.close()
  }
}

/** Measures with one instance what a turn costs: alone, and in full batches. */
export const measureCosts = (options: MeasureOptions): Promise<Costs> =>
  withServers(1, options, async ({ sql, servers, send }) => {
    const [server] = servers as [Server]
    const measure = async (clients: number) => {
      const pids = await backendPids(sql)
      const cpu = () => Promise.all([cpuSeconds([server.pid]), cpuSeconds(pids)])
      const before = await cpu()
      const { turns, cpuSeconds: load, p50 } = await send(clients, options.seconds)
      const after = await cpu()
      const perTurn = (seconds: number) => (1000 * seconds) / turns
      return {
        server: perTurn(after[0] - before[0]),
        database: perTurn(after[1] - before[1]),
        load: perTurn(load),
        p50,
      }
    }
    const many = await measure(options.clients)
    const one = await measure(1)
    // A turn alone is two batches of one.
    const batch = Math.max(0, (one.database - many.database) / 2)
    // What is left of its time, half for each: the commit and the way there.
    const wait = Math.max(0, (one.p50 - one.server - one.database - one.load) / 2)
    const rounded = (ms: number) => Math.round(1000 * ms) / 1000
    return {
      server: rounded(many.server),
      database: rounded(many.database),
      batch: rounded(batch),
      commit: rounded(wait / 2),
      roundTrip: rounded(wait / 2),
      load: rounded(many.load),
    }
  })

/** Turns a second of so many instances on this machine. */
export const measureInstances = ({
  instances,
  ...options
}: MeasureOptions & { instances: number }): Promise<number> =>
  withServers(
    instances,
    options,
    async ({ send }) => (await send(options.clients, 2 * options.seconds)).perSecond,
  )
