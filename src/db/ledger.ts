import type { Database, Sql } from './database.js'
import type { FunctionSet, Migration } from './sql-files.js'

/**
 * The table colloquy.migrations: a row for each migration that was applied. The newest row also says which functions
 * the database has.
 */

export interface LedgerRow {
  version: number
  checksum: string
  oldest_program: number
  /** of the functions that were applied while this migration was the newest; null when none were yet */
  functions_checksum: string | null
  /** the version of the program that applied those */
  functions_program: string | null
}

/** The database's schema and this program do not fit together; the message says what to do. */
export class SchemaMismatch extends Error {}

const madeBeforeRelease =
  'The schema colloquy of this database was made by a development version of Colloquy, from before its first release, and ' +
  'cannot be brought up to this one. Use a new database, or drop the schema with all that is in it (drop schema colloquy ' +
  'cascade;); of the embedded PostgreSQL remove the folder DATA_DIR.'

/** Whether there is a ledger, and whether it is one of this kind. */
const findLedger = async (sql: Sql): Promise<boolean> => {
  const [found] = await sql<{ has_functions: boolean }[]>`
    select exists (
      select from pg_catalog.pg_attribute a
      where a.attrelid = ledger.oid and a.attname = 'functions_checksum' and not a.attisdropped) as has_functions
    from (select pg_catalog.to_regclass('colloquy.migrations')::oid as oid) ledger
    where ledger.oid is not null`
  if (found?.has_functions === false) throw new SchemaMismatch(madeBeforeRelease)
  return found !== undefined
}

export const readRows = (sql: Sql): PromiseLike<LedgerRow[]> => sql<LedgerRow[]>`
  select version, checksum, oldest_program, functions_checksum, functions_program
  from colloquy.migrations
  order by version`

/** What was applied to the database; nothing when there is no ledger yet. */
export const readLedger = (db: Database): Promise<LedgerRow[]> =>
  db.asLogin(async (sql) => ((await findLedger(sql)) ? readRows(sql) : []))

/** SQLSTATEs of two programs creating the schema at the same moment. */
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
          functions_program text
        )`
    })
  } catch (error) {
    const code = (error as { code?: string }).code ?? ''
    if (!creationRaces.has(code) || attemptsLeft === 0) throw error
    await createLedger(db, attemptsLeft - 1)
  }
}

/** One program at a time migrates; and no other role's objects can take the place of what a migration means. */
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

export const recordFunctions = (sql: Sql, { checksum, program }: FunctionSet): PromiseLike<unknown> => sql`
  update colloquy.migrations m
  set functions_checksum = ${checksum}, functions_program = ${program}
  where m.version = (select max(newest.version) from colloquy.migrations newest)`

/** The migrations that the database lacks; throws SchemaMismatch when this program may not use it at all. */
export const missingMigrations = (migrations: Migration[], rows: LedgerRow[]): Migration[] => {
  const newest = migrations.at(-1)?.version ?? 0
  const needed = Math.max(0, ...rows.map((row) => row.oldest_program))
  if (needed > newest) {
    throw new SchemaMismatch(
      `The database was migrated by a newer Colloquy: it needs migration ${needed}, this program has ${newest}. Upgrade this program.`,
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

/** Compares versions by their numbers; what follows a hyphen does not count. */
const isNewer = (one: string, other: string): boolean => {
  const [a, b] = [one, other].map((version) => (version.split('-')[0] ?? '').split('.').map(Number))
  const at = a?.findIndex((number, index) => number !== b?.[index]) ?? -1
  return at >= 0 && (a?.[at] ?? 0) > (b?.[at] ?? 0)
}

/**
 * Whether the database has other functions than this program, and this program is not the older one of the two: the
 * bodies that a newer one has applied serve an older one as well, and stay.
 */
export const lacksFunctions = (
  migrations: Migration[],
  { checksum, program }: FunctionSet,
  rows: LedgerRow[],
): boolean => {
  const newest = rows.at(-1)
  if (newest && newest.version > (migrations.at(-1)?.version ?? 0)) return false
  if (newest?.functions_program && isNewer(newest.functions_program, program)) return false
  return newest?.functions_checksum !== checksum
}
