import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { untilAborted } from '../../src/concurrency/until-aborted.js'
import type { Bench, Report } from '../bench/part.js'
import { tableSizes } from '../bench/storage.js'
import { startPooler, throughPooler } from '../pooler.js'
import { startFleet } from './fleet.js'
import { finishAll, keepRate, type Load, rush } from './load.js'
import { readMemory } from './memory.js'
import { startProvider } from './provider.js'
import { soakReport } from './report.js'
import { type Book, growthOf, measureRowBytes, openWal, readThresholds } from './storage.js'
import { countCheckpoints, countRows, judgeStored } from './stored.js'
import { createTalks } from './talks.js'

export interface SoakOptions {
  bench: Pick<Bench, 'database' | 'server' | 'folder' | 'progress'>
  /** ends it before its time, and still gives what there is */
  signal: AbortSignal
  seconds: number
  /** turns a second; undefined: half of what a short measurement finds */
  rate?: number | undefined
  killEveryMs: number
  instances?: number
  pooled?: boolean
  /** how long the measurement at the start takes */
  measureSeconds?: number
  measuredAtOnce?: number
  /** how many turns it has at least: of few rows, most of what they take is the rest of their pages */
  measuredTurns?: number
  /** between two looks at the memory */
  sampleMs?: number
  leaseMs?: number
  /** of conversations that are ended, the share that expire; the others are deleted */
  expiring?: number
  /** Node's arguments for `colloquy serve`, and its folder */
  program?: string[]
  cwd?: string
}

/** For how many seconds a conversation is idle between two turns, on average. */
const idleSeconds = 20
const walEveryMs = 15_000
/** Longer than a machine that is busy with other things keeps anybody waiting. */
const lostMs = 600_000
/** Longer than it takes until what has expired is removed. */
const removeMs = 40_000

/** Instances under a constant load, one of which is killed now and then; see scripts/bench/README.md. */
export const soak = async (options: SoakOptions): Promise<{ report: Report; violations: string[] }> => {
  const {
    bench,
    signal,
    seconds,
    killEveryMs,
    instances = 3,
    measureSeconds = 15,
    measuredAtOnce = 200,
    measuredTurns = 3_000,
    leaseMs = 15_000,
  } = options
  const { progress } = bench
  const url = await bench.database()
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const provider = await startProvider()
  const pooler = options.pooled
    ? await startPooler({ folder: join(bench.folder, 'pooler'), clusterUrl: url, logins: [], poolSize: 20 })
    : undefined
  try {
    const fleet = await startFleet({
      bench,
      size: instances,
      sampleMs: options.sampleMs ?? 5_000,
      program: options.program ?? ['dist/src/main.js', 'serve'],
      ...(options.cwd && { cwd: options.cwd }),
      env: {
        ...{ NODE_ENV: 'production', CHAT_METRICS_PORT: '0', CHAT_LEASE_MS: String(leaseMs) },
        DATABASE_URL: pooler ? throughPooler(url, pooler.port) : url,
        ...{ CHAT_MODELS: 'openai-compatible/soak', OPENAI_COMPATIBLE_BASE_URL: provider.url },
      },
    })
    const talks = await createTalks({
      urls: fleet.urls,
      users: 100,
      models: ['echo', 'openai-compatible/soak'],
      lostMs,
      expiring: options.expiring ?? 0.5,
      onViolation: progress,
    })
    const { counts } = talks
    const load: Load = { live: new Set(), late: 0 }
    const wal = await openWal(sql)

    progress('measuring what a turn costs')
    const most = await rush(talks, load, {
      ...{ atOnce: measuredAtOnce, seconds: measureSeconds, turns: measuredTurns },
      signal,
    })
    const turnsThen = counts.turns
    const walOfTurn = (await wal.read()).records / turnsThen
    const notes = 'updates'
    const rowBytes = await measureRowBytes(
      sql,
      Object.keys(growthOf).filter((name) => name !== notes),
    )
    await wal.read()
    await finishAll(talks, load, true)
    // What has expired is removed every half minute.
    const { deleted, expired } = counts
    if (expired > 0) await untilAborted(sleep(removeMs), signal).catch(() => {})
    const walOfEnd = (await wal.read()).records / Math.max(1, deleted + expired)
    for (const [name, bytes] of await measureRowBytes(sql, [notes])) rowBytes.set(name, bytes)
    await wal.read()
    const rate = options.rate ?? most / 2
    progress(`${most.toFixed(0)} turns/s at most; going on at ${rate.toFixed(0)}`)

    talks.startAnew()
    const start = performance.now()
    const checkpointsBefore = await countCheckpoints(sql)
    const written = { records: 0, pages: 0 }
    const readWal = async () => {
      const { records, pages } = await wal.read()
      written.records += records
      written.pages += pages
    }
    const over = new AbortController()
    const end = () => over.abort()
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    const timer = setTimeout(end, 1000 * seconds)
    const watch = async () => {
      for (let n = 1; !over.signal.aborted; n += 1) {
        await sleep(walEveryMs, undefined, { signal: over.signal }).catch(() => {})
        await readWal()
        if (n % 4 > 0) continue
        const { rss = 0, heapUsed = 0 } = (await readMemory(fleet.memoryFile)).at(-1) ?? {}
        progress(
          `${counts.turns} turns, ${fleet.kills()} kills, ${counts.cut} cut, ${counts.repeated} refused, ` +
            `${load.live.size} conversations, heap ${(heapUsed / 1e6).toFixed(1)} MB, RSS ${(rss / 1e6).toFixed(1)} MB, ` +
            `${talks.violations.length} violations`,
        )
      }
    }
    try {
      await Promise.all([
        keepRate(talks, load, { rate, live: Math.ceil(idleSeconds * rate), signal: over.signal }),
        fleet.killEvery(killEveryMs, over.signal),
        watch(),
      ])
    } finally {
      clearTimeout(timer)
      end()
      signal.removeEventListener('abort', end)
    }
    const took = (performance.now() - start) / 1000
    progress('comparing what clients know with what is stored')
    await finishAll(talks, load, false)
    await readWal()
    const liveTurns = [...load.live].reduce((sum, { said }) => sum + said, 0)
    const book: Book = {
      ...{ live: load.live.size, liveTurns, turns: turnsThen + counts.turns },
      ...{ deleted: deleted + counts.deleted, expired: expired + counts.expired },
    }
    for (const text of await judgeStored(sql, book)) talks.violate(text)
    for (const url of fleet.crashed()) talks.violate(`the instance at ${url} has ended by itself`)
    const memory = await readMemory(fleet.memoryFile)
    const [{ bytes: databaseBytes }] = await sql<[{ bytes: number }]>`
      select pg_database_size(current_database())::float8 as bytes`
    const tables = await Promise.all(
      (await tableSizes(sql)).map(async ({ name, bytes, indexBytes, dead }) => {
        return { name, dead, bytes: bytes + indexBytes, rows: await countRows(sql, name) }
      }),
    )
    const report = soakReport({
      ...{ seconds: took, rate, counts, late: load.late, kills: fleet.kills() },
      ...{ p50: talks.times.percentile(50), p99: talks.times.percentile(99) },
      memory: memory.filter(({ at }) => at >= Date.now() - (performance.now() - start)),
      ...{ book, wal: written, databaseBytes, tables },
      costs: { rowBytes, walOfTurn, walOfEnd },
      checkpoints: (await countCheckpoints(sql)) - checkpointsBefore,
      thresholds: await readThresholds(sql),
    })
    return { report, violations: talks.violations }
  } finally {
    provider.stop()
    await pooler?.stop()
    await sql.end({ timeout: 1 })
  }
}
