import { join } from 'node:path'
import postgres from 'postgres'
import type { Test } from 'tap'
import { startPooler, throughPooler } from '../../scripts/pooler.js'
import { connect } from '../../src/db/connect.js'
import type { Database, Sql } from '../../src/db/database.js'
import { testFolder } from './cluster.js'
import { testDatabase } from './database.js'
import { logins } from './template.js'

export { missingPoolerReason } from '../../scripts/pooler.js'

interface PooledOptions {
  login?: 'owner' | 'superuser'
  /** connections of the server; one, unless told, that all have to share */
  poolSize?: number
  settings?: Record<string, string | number>
}

/** A connection that sends plain statements: to the server itself, or to the pooler's console. */
const administrator = (t: Test, url: string): postgres.Sql => {
  const sql = postgres(url.replace('?pgbouncer=true', ''), {
    max: 1,
    prepare: false,
    fetch_types: false,
    onnotice: () => {},
  })
  t.teardown(() => sql.end({ timeout: 0 }))
  return sql
}

/** A PgBouncer of the test's own in front of a migrated database of the shared cluster. */
export const pooled = async (
  t: Test,
  { login = 'owner', poolSize = 1, settings = {} }: PooledOptions = {},
) => {
  const { directUrl, superuserUrl } = await testDatabase(t, { login })
  const folder = join(await testFolder(t), 'pooler')
  const options = { folder, clusterUrl: superuserUrl, logins, poolSize, settings }
  let pooler = await startPooler(options)
  t.teardown(() => pooler.stop())
  return {
    url: throughPooler(directUrl, pooler.port),
    console: administrator(t, pooler.consoleUrl),
    root: administrator(t, superuserUrl),
    stop: () => pooler.stop(),
    startAgain: async () => {
      pooler = await startPooler({ ...options, port: pooler.port })
    },
  }
}

export const open = (
  t: Test,
  url: string,
  options: Partial<Parameters<typeof connect>[0]> = {},
): Database => {
  const db = connect({ url, max: 1, prepare: 'auto', ...options })
  t.teardown(() => db.close(0))
  return db
}

export const one = (sql: Sql) => sql`select 1 as one`
export const titles = (sql: Sql) =>
  sql<{ user_id: string; title: string }[]>`select user_id, title from colloquy.conversations order by title`
export const plant = (sql: Sql, user: string, title: string) => sql`
  insert into colloquy.conversations
    (user_id, id, title, last_position, created_at, updated_at, last_turn_at)
  values (${user}, gen_random_uuid(), ${title}, 0, now(), now(), now())`
