import type { Database, Sql } from './database.js'
import type { FunctionSet, Migration } from './sql-files.js'

/**
 * The table colloquy.migrations has a row for each applied migration. The newest row also records the functions that were
 * applied while it was the newest.
 */

export interface LedgerRow {
  version: number
  checksum: string
  oldest_program: number
  /** of the functions that were applied while this migration was the newest; null when there were none */
  functions_checksum: string | null
  /** the version of the program that applied them */
  functions_program: string | null
}

/** The database's schema and this program are incompatible. The message tells the operator what to do. */
export class SchemaMismatch extends Error {}

const madeBeforeRelease =
  'The schema colloquy of this database was made by a development version of Colloquy, before its first release, and ' +
  'cannot be migrated. Use a new database, or delete the schema with all its data (drop schema colloquy cascade;). ' +
  'For the embedded PostgreSQL, delete the folder DATA_DIR.'

/** Throws SchemaMismatch for the ledger of a development version. */
const ledgerExists = async (sql: Sql): Promise<boolean> => {
  const [found] = await sql<{ has_functions: boolean }[]>`
    select exists (
      select from pg_catalog.pg_attribute a
      where a.attrelid = ledger.oid and a.attname = 'functions_checksum' and not a.attisdropped) as has_functions
    from (select pg_catalog.to_regclass('colloquy.migrations')::oid as oid) ledger
    where ledger.oid is not null`
  if (found?.has_functions === false) throw new SchemaMismatch(madeBeforeRelease)
  return found !== undefined
}

export const readLedgerRows = (sql: Sql): PromiseLike<LedgerRow[]> => sql<LedgerRow[]>`
  select version, checksum, oldest_program, functions_checksum, functions_program
  from colloquy.migrations
  order by version`

/** The applied migrations; empty when there is no ledger yet. */
export const readLedger = (db: Database): Promise<LedgerRow[]> =>
  db.asLogin(async (sql) => ((await ledgerExists(sql)) ? readLedgerRows(sql) : []))

/** SQLSTATEs of concurrent attempts to create the schema. */
const creationRaces = new Set(['23505', '42P06', '42P07'])

export const createLedger = async (db: Database, attemptsLeft = 5): Promise<void> => {
  try {
    await db.asLogin(async (sql) => {
      await sql`create schema if not exists colloquy`
      await sql`
        create table if not exists colloquy.migrations (
          version integer primary key,
          name text not null,
          checksum text not null,
          oldest_program integer not null,
          applied_at timestamptz(3) not null default now(),
          functions_checksum text,
          functions_program text,
          tried_at timestamptz(3)
        )`
    })
  } catch (error) {
    const code = (error as { code?: string }).code ?? ''
    if (!creationRaces.has(code) || attemptsLeft === 0) throw error
    await createLedger(db, attemptsLeft - 1)
  }
}

/** How long an attempt waits for another program that is migrating. */
export const ledgerLockMs = 10_000

export const setLockTimeout = (sql: Sql, ms: number): PromiseLike<unknown> =>
  sql`select pg_catalog.set_config('lock_timeout', ${String(ms)}, true)`

/**
 * Claims the next attempt at whatever follows the newest row. All programs together get one attempt per `pauseMs`, so ten
 * that wait for a lock do not block the service ten times as long. Without any row there is nothing to lock: always
 * granted.
 */
export const claimAttempt = async (db: Database, pauseMs: number): Promise<boolean> => {
  return db.asLogin(async (sql) => {
    await setLockTimeout(sql, ledgerLockMs)
    const claimed = await sql`
      update colloquy.migrations m
      -- Not the time after the wait for the lock, since Citus takes no volatile function here.
      set tried_at = statement_timestamp()
      where m.version = (select max(newest.version) from colloquy.migrations newest)
        and (m.tried_at is null or m.tried_at < statement_timestamp() - ${pauseMs}::integer * interval '1 millisecond')
      returning m.version`
    if (claimed.length > 0) return true
    const [newest] = await sql`select m.version from colloquy.migrations m limit 1`
    return newest === undefined
  })
}

/**
 * Serializes migrations. Waiting for this lock blocks no request. The search path keeps other roles' objects from
 * shadowing the names in a migration.
 */
export const lockLedger = async (sql: Sql): Promise<void> => {
  await sql`set local search_path = pg_catalog, pg_temp`
  await sql`lock table colloquy.migrations in share row exclusive mode`
}

export const recordMigration = (
  sql: Sql,
  { version, name, checksum, oldestProgram }: Migration,
): PromiseLike<unknown> => sql`
  insert into colloquy.migrations (version, name, checksum, oldest_program)
  values (${version}, ${name}, ${checksum}, ${oldestProgram})`

/** Lets the next attempt come at once. */
export const allowAttempt = (sql: Sql): PromiseLike<unknown> => sql`
  update colloquy.migrations m
  set tried_at = null
  where m.version = (select max(newest.version) from colloquy.migrations newest)`

/** Also lets the next attempt come at once: the pause is for attempts that failed. */
export const recordFunctions = (sql: Sql, { checksum, program }: FunctionSet): PromiseLike<unknown> => sql`
  update colloquy.migrations m
  set functions_checksum = ${checksum}, functions_program = ${program}, tried_at = null
  where m.version = (select max(newest.version) from colloquy.migrations newest)`

/** The migrations that the database lacks. Throws SchemaMismatch when this program cannot use the database at all. */
export const missingMigrations = (migrations: Migration[], rows: LedgerRow[]): Migration[] => {
  const newest = migrations.at(-1)?.version ?? 0
  const needed = Math.max(0, ...rows.map((row) => row.oldest_program))
  if (needed > newest) {
    throw new SchemaMismatch(
      `The database was migrated by a newer Colloquy: it requires a program with migration ${needed}, and this one only has ${newest}. Upgrade this program.`,
    )
  }
  const changed = rows.find((row) =>
    migrations.some((own) => own.version === row.version && own.checksum !== row.checksum),
  )
  if (changed) {
    throw new SchemaMismatch(
      `Migration ${changed.version} of the database differs from this program's file. Migrations are never edited: restore the file.`,
    )
  }
  return migrations.filter((own) => !rows.some((row) => row.version === own.version))
}

/** Compares version numbers, ignoring pre-release suffixes. */
const isNewer = (one: string, other: string): boolean => {
  const [a, b] = [one, other].map((version) => (version.split('-')[0] ?? '').split('.').map(Number))
  const at = a?.findIndex((number, index) => number !== b?.[index]) ?? -1
  return at >= 0 && (a?.[at] ?? 0) > (b?.[at] ?? 0)
}

/**
 * Whether this program has to apply its functions: the database has different ones, and not from a newer program. A newer
 * program's functions also serve older programs, so they stay.
 */
export const needsFunctions = (
  migrations: Migration[],
  { checksum, program }: FunctionSet,
  rows: LedgerRow[],
): boolean => {
  if ((rows.at(-1)?.version ?? 0) > (migrations.at(-1)?.version ?? 0)) return false
  const applied = rows.findLast((row) => row.functions_checksum !== null)
  if (applied?.functions_program && isNewer(applied.functions_program, program)) return false
  return applied?.functions_checksum !== checksum
}
