import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { migrate } from '../../src/db/migrate.js'
import { startEmbedded } from '../../src/embedded-postgres/start.js'
import type { Bench } from './part.js'
import { startServer } from './server.js'

interface BenchEnvironment extends Pick<Bench, 'folder' | 'database' | 'server'> {
  /** PostgreSQL's version */
  postgres: string
  /** Stops the servers and drops the databases that a part has created. */
  tidy(): Promise<void>
  /** Stops and removes everything. */
  close(): Promise<void>
}

/** A temporary folder with a PostgreSQL that has its default, durable settings. */
export const openBenchEnvironment = async (signal: AbortSignal): Promise<BenchEnvironment> => {
  const folder = await mkdtemp(join(tmpdir(), 'colloquy-bench-'))
  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 5 })
  // Under root, PostgreSQL runs as another user, which needs access to its data.
  await chmod(folder, 0o755)
  const cluster = await startEmbedded({ dataDir: join(folder, 'cluster') }).catch(async (error) => {
    await remove()
    throw error
  })
  const admin = postgres(cluster.url, { max: 1, onnotice: () => {} })
  const [{ server_version }] = await admin<[{ server_version: string }]>`show server_version`
  const servers: (() => Promise<void>)[] = []
  const databases: string[] = []
  let made = 0

  const endServers = async () => {
    await Promise.all(servers.splice(0).map((stop) => stop()))
  }
  return {
    folder,
    postgres: server_version,
    async database() {
      signal.throwIfAborted()
      made += 1
      const name = `bench_${made}`
      await admin`create database ${admin(name)}`
      databases.push(name)
      const url = new URL(cluster.url)
      url.pathname = `/${name}`
      await migrate(url.href)
      return url.href
    },
    async server(options) {
      const server = await startServer(options, { folder, signal })
      servers.push(server.stop)
      return server
    },
    async tidy() {
      await endServers()
      for (const name of databases.splice(0)) await admin`drop database ${admin(name)} with (force)`
    },
    async close() {
      await endServers()
      await admin.end({ timeout: 1 })
      await cluster.stop()
      await remove()
    },
  }
}
