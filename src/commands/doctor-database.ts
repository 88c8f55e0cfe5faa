import type { Database } from '../db/database.js'
import { findDrift } from '../db/drift.js'
import { pendingChanges } from '../db/migrate.js'
import { checkRls } from '../db/rls-check.js'
import { checkSettings } from '../db/settings.js'
import { missingSharding, readShardingIfBegun } from '../db/sharding.js'
import { describeSharding } from './shard.js'

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
