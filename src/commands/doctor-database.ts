import type { Config } from '../config.js'
import { connectReplica } from '../db/connect.js'
import type { Database } from '../db/database.js'
import { findDrift } from '../db/drift.js'
import { pendingChanges } from '../db/migrate.js'
import { readIdentity } from '../db/replica.js'
import { checkRls } from '../db/rls-check.js'
import { checkSettings } from '../db/settings.js'
import { missingSharding, readShardingIfBegun } from '../db/sharding.js'
import { beginning, currentLsn } from '../db/wal-positions.js'
import { describeSharding } from './shard.js'

/** The replica cannot be used with a distributed database. */
export const notWithSharding =
  'DATABASE_READ_URL cannot be used with a distributed database: the position of its coordinator says nothing of what its workers have written. Unset it'

/** What doctor finds out about the database: each resolves with the line's text, and rejects with what is wrong. */

export const checkVersion = async (db: Database): Promise<string> => {
  const [{ version }] = await db.asLogin(
    (sql) => sql<[{ version: string }]>`select current_setting('server_version') as version`,
  )
  if (Number.parseInt(version, 10) < 15)
    throw new Error(`PostgreSQL ${version} is too old: 15 or newer is required`)
  return `PostgreSQL ${version}`
}

export const checkServerSettings = async (db: Database): Promise<string> => {
  const faults = await checkSettings(db)
  if (faults.length === 0) return 'as required'
  const details = faults.map(({ issue, fix }) => `${issue}: ${fix}`).join(' ')
  throw new Error(`pooled connections use the server's settings. ${details}`)
}

export const checkMigrations = async (db: Database): Promise<string> => {
  const { migrations, functions } = await pendingChanges(db)
  const missing = [...migrations, ...(functions ? ["this program's functions"] : [])]
  if (missing.length === 0) return 'up to date'
  throw new Error(
    `missing ${missing.join(', ')}; run "colloquy migrate", or "colloquy serve", which does it too`,
  )
}

export const checkRole = async (db: Database): Promise<string> => {
  const [{ login, app, bypasses }] = await db.asLogin(
    (sql) => sql<[{ login: string; app: boolean; bypasses: boolean }]>`
      select session_user as login,
        colloquy.app_role() is not null as app,
        rolsuper or rolbypassrls as bypasses
      from pg_catalog.pg_roles
      where rolname = session_user`,
  )
  if (app) return `${login}, serving requests as colloquy_app`
  if (bypasses) throw new Error(`${login} bypasses row-level security and cannot switch to colloquy_app`)
  return `${login}, subject to row-level security`
}

export const checkRowSecurity = async (db: Database): Promise<string> => {
  const faults = await checkRls(db)
  if (faults.length === 0) return "forced on every table of users' data"
  throw new Error(faults.map(({ issue, fix }) => `${issue} As an administrator run: ${fix}`).join(' '))
}

export const checkSchema = async (db: Database): Promise<string> => {
  const { differences, skipped } = await findDrift(db)
  if (differences.length > 0) throw new Error(`differs from this program's schema: ${differences.join('; ')}`)
  if (skipped === 'all') return 'not compared, because a newer Colloquy has migrated the database'
  return skipped
    ? 'as this program creates it, except for functions, which a newer program has replaced'
    : 'as this program creates it'
}

/** Says nothing of a database that nobody has begun to distribute. */
export const checkSharding = async (db: Database): Promise<string | undefined> => {
  const state = await readShardingIfBegun(db)
  if (!state) return undefined
  const missing = missingSharding(state)
  if (missing.length === 0) return describeSharding(state)
  throw new Error(`${missing.join('; ')}; run "colloquy shard" as the owner`)
}

/** Nobody is this user. */
const nobody = ''

/** Whether the replica answers as the role that serves requests, and how far behind it is. */
export const checkReplica = async (
  { readUrl: url = '', prepare }: Config['database'],
  db: Database,
): Promise<string> => {
  if (await readShardingIfBegun(db)) throw new Error(notWithSharding)
  const replica = connectReplica({ url, max: 1, prepare, replicaOf: await readIdentity(db) })
  try {
    const [{ lsn }] = await db.statement(
      (sql) => sql<[{ lsn: string }]>`select ${sql.unsafe(currentLsn)}`,
      'others',
    )
    const { result } = await replica.asUser(
      nobody,
      beginning,
      (sql) => sql<[{ version: string; bytes: number }]>`
        select current_setting('server_version') as version,
          greatest(0, pg_wal_lsn_diff(${lsn}::text::pg_lsn, pg_last_wal_replay_lsn()))::float8 as bytes`,
    )
    const [{ version, bytes }] = result
    const lag = bytes === 0 ? 'up to date' : `${bytes.toLocaleString('en')} bytes of log behind`
    return `PostgreSQL ${version}, at DATABASE_READ_URL, ${lag}`
  } finally {
    await replica.close(0)
  }
}
