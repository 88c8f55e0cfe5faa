import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'
import type { Test } from 'tap'
import { type EmbeddedPostgres, startEmbedded } from '../../src/embedded-postgres/start.js'
import { hasty, migratedFolder, testFolder } from './cluster.js'
import { postmaster } from './embedded.js'
import { until } from './models.js'

export interface Replicated {
  primary: EmbeddedPostgres
  standby: EmbeddedPostgres
  /** the URL of both, in the order that is asked for */
  url(order: 'primary first' | 'standby first'): string
  /** statements on the one or the other, as the superuser */
  onPrimary: postgres.Sql
  onStandby: postgres.Sql
  /** ends the primary at once, as a crash would */
  killPrimary(): Promise<void>
  /** Makes a primary of the standby. */
  promote(): Promise<void>
}

const addressOf = (url: string): string => new URL(url).host

/** A migrated primary and its streaming standby, which confirms every commit that waits for the log. */
export const replicated = async (t: Test): Promise<Replicated> => {
  const primaryDir = await migratedFolder(t)
  const standbyDir = join(await testFolder(t), 'standby')
  await promisify(execFile)('cp', ['-a', primaryDir, standbyDir])
  await writeFile(join(standbyDir, 'postgres/data/standby.signal'), '')

  const primary = await startEmbedded({ dataDir: primaryDir, settings: hasty })
  t.teardown(() => primary.stop())
  const { hostname, port, password } = new URL(primary.url)
  const upstream = `host=${hostname} port=${port} user=postgres password=${password}`
  const standby = await startEmbedded({
    dataDir: standbyDir,
    settings: { ...hasty, primary_conninfo: upstream },
  })
  t.teardown(() => standby.stop())

  const administrator = (url: string) => {
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    t.teardown(() => sql.end({ timeout: 0 }))
    return sql
  }
  const onPrimary = administrator(primary.url)
  const onStandby = administrator(standby.url)
  await until(
    async () => (await onPrimary`select from pg_stat_replication where state = 'streaming'`).count > 0,
  )
  await onPrimary.unsafe(`alter system set synchronous_standby_names = '*'`)
  await onPrimary`select pg_reload_conf()`

  const hosts = [addressOf(primary.url), addressOf(standby.url)]
  return {
    primary,
    standby,
    onPrimary,
    onStandby,
    url: (order) => {
      const both = order === 'primary first' ? hosts : [...hosts].reverse()
      return primary.url.replace(hosts[0] ?? '', both.join(','))
    },
    killPrimary: async () => {
      process.kill(await postmaster(primaryDir), 'SIGQUIT')
      await primary.exited
    },
    promote: async () => {
      await onStandby`select pg_promote()`
    },
  }
}
