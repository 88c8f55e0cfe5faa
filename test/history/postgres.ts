import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { systemServer } from '../../scripts/system-postgres.js'
import { startEmbedded } from '../../src/embedded-postgres/start.js'
import { initialisedFolder, testFolder } from '../helpers/cluster.js'
import { postmaster } from '../helpers/embedded.js'
import type { Scope } from '../helpers/scope.js'
import { countingProxy, type Wire } from '../helpers/wire.js'

export interface Killable {
  /** the superuser's URL of the database `postgres`; another one after a restart */
  url(): string
  /** the way of the servers to it, which stays the same */
  wire: Wire
  /** the one to use, where none is to be made: a distributed one */
  database?: string
  /** Kills every process of it at once, so that what is in its memory is gone, and starts it again after a pause. */
  killAndRestart(pauseMs?: number): Promise<void>
}

export const owner = 'colloquy_owner'

const settings = {
  // A kill of the processes leaves what they gave to the kernel, so nothing needs to reach the disk.
  fsync: 'off',
  // A commit that is not waited for is written late, so that a kill shows what was lost.
  wal_writer_delay: '10s',
}

const killAll = async (dataDir: string): Promise<void> => {
  const pid = await postmaster(dataDir)
  // Stopped first, it starts no other process and mourns none.
  process.kill(pid, 'SIGSTOP')
  const children = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([child, parent]) => (parent === pid && child ? child : []))
  for (const it of [...children, pid]) {
    try {
      process.kill(it, 'SIGKILL')
    } catch {
      // It has just ended.
    }
  }
}

/** Runs one statement on a connection of its own, which PostgreSQL may be killed under; gives its rows. */
export const asSuperuser = async (
  url: string,
  statement: string,
): Promise<postgres.RowList<postgres.Row[]>> => {
  // A transaction of the driver's, or its question for types, would turn a lost connection into an uncaught exception.
  const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} })
  try {
    return await sql.unsafe(statement)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** A PostgreSQL of its own, embedded or of the system's packages in a version, behind a wire. */
export const killablePostgres = async (t: Scope, version?: string): Promise<Killable> => {
  const dataDir = version ? join(await testFolder(t), 'data') : await initialisedFolder(t)
  const start = () =>
    startEmbedded({ dataDir, settings, ...(version && { binaries: systemServer(version) }) })
  let cluster = await start()
  t.teardown(() => cluster.stop())
  const wire = await countingProxy(t, cluster.url)
  const { password } = new URL(cluster.url)
  await asSuperuser(cluster.url, `create role ${owner} login createrole password '${password}'`)
  return {
    url: () => cluster.url,
    wire,
    async killAndRestart(pauseMs = 0) {
      await killAll(dataDir)
      await sleep(pauseMs)
      // Gives the folder back.
      await cluster.stop()
      cluster = await start()
      wire.redirect(cluster.url)
    },
  }
}
