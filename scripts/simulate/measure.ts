import postgres from 'postgres'
import { backendPids } from '../bench/backends.js'
import { openBenchEnvironment } from '../bench/environment.js'
import { makeLoad } from '../bench/load.js'
import { cpuSeconds } from '../bench/process.js'
import type { Server } from '../bench/server.js'
import { callsOf } from '../bench/user.js'
import type { Costs } from './model.js'

interface MeasureOptions {
  /** of instances that are measured together */
  counts: number[]
  clients: number
  seconds: number
  signal: AbortSignal
  progress(text: string): void
}

interface Measured {
  costs: Costs
  /** turns a second, of each of the counts */
  turnsPerSecond: number[]
}

interface Sent {
  turns: number
  perSecond: number
  cpuSeconds: number
  p50: number
}

/** Sends turns to the servers, by so many clients which they share. */
const send = async (
  servers: Server[],
  clients: number,
  seconds: number,
  signal: AbortSignal,
): Promise<Sent> => {
  const loads = await Promise.all(
    servers.map(async ({ url }, n) => {
      const own = Array.from({ length: clients }, (_, i) => i).filter((i) => i % servers.length === n)
      if (own.length === 0) return []
      const calls = await Promise.all(own.map(async (i) => [(await callsOf(`user-${i}`)).chat()]))
      return [await makeLoad({ url, connections: own.length, calls, until: { seconds } }, signal)]
    }),
  )
  const made = loads.flat()
  const micros = made.flatMap((load) => load.micros).sort((a, b) => a - b)
  return {
    turns: micros.length,
    perSecond: made.reduce((sum, load) => sum + load.micros.length / load.seconds, 0),
    cpuSeconds: made.reduce((sum, load) => sum + load.cpuSeconds, 0),
    p50: (micros[Math.floor(micros.length / 2)] ?? 0) / 1000,
  }
}

/** Measures with one instance what a turn costs: alone, and in full batches. */
const measureCosts = async (
  sql: postgres.Sql,
  server: Server,
  { clients, seconds, signal }: MeasureOptions,
): Promise<Costs> => {
  const measure = async (count: number) => {
    const pids = await backendPids(sql)
    const cpu = () => Promise.all([cpuSeconds([server.pid]), cpuSeconds(pids)])
    const before = await cpu()
    const { turns, cpuSeconds: load, p50 } = await send([server], count, seconds, signal)
    const after = await cpu()
    const perTurn = (spent: number) => (1000 * spent) / turns
    return {
      server: perTurn(after[0] - before[0]),
      database: perTurn(after[1] - before[1]),
      load: perTurn(load),
      p50,
    }
  }
  const many = await measure(clients)
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
}

/** Measures this machine with instances on one database, and removes everything. */
export const measureMachine = async (options: MeasureOptions): Promise<Measured> => {
  const { counts, clients, seconds, signal, progress } = options
  const environment = await openBenchEnvironment(signal)
  try {
    progress('starting the instances')
    const url = await environment.database()
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    try {
      const env = { DATABASE_URL: url, NODE_ENV: 'production' }
      const servers = await Promise.all(
        Array.from({ length: Math.max(...counts) }, () => environment.server({ env })),
      )
      const [first] = servers
      if (!first) throw new Error('there is no instance')
      progress('warming them up')
      for (const server of servers) await send([server], clients, 2 * seconds, signal)
      progress('measuring the costs of a turn')
      const costs = await measureCosts(sql, first, options)
      const turnsPerSecond: number[] = []
      for (const count of counts) {
        progress(`measuring ${count} instances`)
        const { perSecond } = await send(servers.slice(0, count), clients, 2 * seconds, signal)
        turnsPerSecond.push(perSecond)
      }
      return { costs, turnsPerSecond }
    } finally {
      await sql.end({ timeout: 1 })
    }
  } finally {
    await environment.close()
  }
}
