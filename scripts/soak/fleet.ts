import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench } from '../bench/part.js'
import type { Server } from '../bench/server.js'
import { probeArgs } from './memory.js'

export interface Fleet {
  /** where instances listen by now */
  urls(): string[]
  /** those whose process is gone although nobody killed it */
  crashed(): string[]
  /** how many were killed */
  kills(): number
  /** the file with the memory of the one that is never killed */
  memoryFile: string
  /** Kills an instance so often, and starts another one in its place, until the signal aborts. */
  killEvery(ms: number, signal: AbortSignal): Promise<void>
}

interface FleetOptions {
  bench: Pick<Bench, 'server' | 'folder'>
  /** the first of them is never killed */
  size: number
  env: Record<string, string>
  /** Node's arguments for `colloquy serve` */
  program: string[]
  cwd?: string
  sampleMs: number
}

/** For how long a killed instance is away at most. */
const awayMs = 2_000

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

export const startFleet = async (options: FleetOptions): Promise<Fleet> => {
  const { bench, size, env, program, cwd, sampleMs } = options
  const memoryFile = join(bench.folder, 'memory.jsonl')
  const start = (isKept: boolean): Promise<Server> =>
    bench.server({
      program: [...(isKept ? probeArgs(memoryFile, sampleMs) : []), ...program],
      env,
      ...(cwd && { cwd }),
    })
  const servers: (Server | undefined)[] = await Promise.all(
    Array.from({ length: size }, (_, n) => start(n === 0)),
  )
  let kills = 0
  return {
    urls: () => servers.flatMap((server) => server?.url ?? []),
    crashed: () => servers.filter((server) => server && !isAlive(server.pid)).flatMap((it) => it?.url ?? []),
    kills: () => kills,
    memoryFile,
    async killEvery(ms, signal) {
      const pause = (time: number) => sleep(time, undefined, { signal }).catch(() => {})
      for (let place = 1; size > 1; place = (place % (size - 1)) + 1) {
        await pause(ms)
        const killed = servers[place]
        if (signal.aborted || !killed) return
        process.kill(killed.pid, 'SIGKILL')
        kills += 1
        // Clients go on trying it, as they do until a load balancer has noticed.
        await pause(Math.random() * awayMs)
        servers[place] = undefined
        servers[place] = await start(false)
      }
    },
  }
}
