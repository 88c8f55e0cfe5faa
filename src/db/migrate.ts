import { connect } from './connect.js'
import type { Database } from './database.js'
import {
  createLedger,
  lacksFunctions,
  lockLedger,
  missingMigrations,
  readLedger,
  readRows,
  recordFunctions,
  recordMigration,
  SchemaMismatch,
} from './ledger.js'
import { type Migration, readSqlFiles, type SqlFiles } from './sql-files.js'

export { SchemaMismatch } from './ledger.js'

const denied = '42501'

/** What a login that lacks rights has to be told. */
const explained = (error: unknown): unknown =>
  (error as { code?: string }).code === denied
    ? new SchemaMismatch(
        'This login may not use or make the schema colloquy. Run "colloquy migrate" as the owner of the database, and let ' +
          'a login that only serves inherit the role colloquy_app: grant colloquy_app to <login>;',
        { cause: error },
      )
    : error

const nameOf = ({ version, name }: Migration): string => `${version} ${name}`

export interface Pending {
  /** the migrations that the database lacks */
  migrations: string[]
  /** whether it has other functions than this program, which is not the older one */
  functions: boolean
}

/** What `migrate` would do; throws SchemaMismatch when this program may not use the database at all. */
export const pendingChanges = async (db: Database): Promise<Pending> => {
  const rows = await readLedger(db).catch((error) => {
    throw explained(error)
  })
  const { migrations, functionSet } = await readSqlFiles()
  return {
    migrations: missingMigrations(migrations, rows).map(nameOf),
    functions: lacksFunctions(migrations, functionSet, rows),
  }
}

/** The migrations that the database lacks. An instance may serve with the functions of another, and not without these. */
export const pendingMigrations = async (db: Database): Promise<string[]> =>
  (await pendingChanges(db)).migrations

/** Makes the role that serves requests, or gives it what it lacks, where the login may; says what it could not. */
const prepareAppRole = async (db: Database): Promise<string | undefined> => {
  const [role] = await db.asLogin(async (sql) => {
    await lockLedger(sql)
    await sql`select colloquy.prepare_app_role()`
    return sql<[{ login: string; is_made: boolean }]>`
      select session_user as login, to_regrole('colloquy_app') is not null as is_made`
  })
  if (role.is_made) return undefined
  return `${role.login} may not create the role colloquy_app, so requests run as the schema's owner, bound by forced row-level security`
}

/** Applies one migration with its record, unless another program did so while this one waited for the lock. */
const applyMigration = (db: Database, migration: Migration): Promise<boolean> =>
  db.asLogin(async (sql) => {
    await lockLedger(sql)
    const done = await sql`select 1 from colloquy.migrations where version = ${migration.version}`
    if (done.length > 0) return false
    await sql.unsafe(migration.text)
    await recordMigration(sql, migration)
    return true
  })

/** Applies every function, with their record, unless the database has them by now or has newer ones. */
const applyFunctions = (db: Database, { migrations, functionSet }: SqlFiles): Promise<boolean> =>
  db.asLogin(async (sql) => {
    await lockLedger(sql)
    if (!lacksFunctions(migrations, functionSet, await readRows(sql))) return false
    await sql.unsafe([functionSet.retired, ...functionSet.functions.map(({ text }) => text)].join('\n'))
    await recordFunctions(sql, functionSet)
    return true
  })

export interface MigrateOptions {
  log?: (line: string) => void
  /** looks after the role that serves requests even when there is nothing to apply */
  alwaysPrepareRole?: boolean
  /** what to make of the database; this program's own, unless told */
  files?: SqlFiles
}

/**
 * Brings the schema up to this program: each migration that it lacks, in a transaction with the row that records it, and
 * then the functions, all in one transaction. Several programs may do this at once. Returns what this call has applied.
 */
export const migrate = async (
  url: string,
  { log = () => {}, alwaysPrepareRole = false, files }: MigrateOptions = {},
): Promise<string[]> => {
  const own = files ?? (await readSqlFiles())
  const db = connect({ url, max: 1, prepare: 'off', statementTimeoutMs: 600_000 })
  const applied: string[] = []
  const done = (what: string) => {
    applied.push(what)
    log(`applied ${what}`)
  }
  try {
    const rows = await readLedger(db)
    const missing = missingMigrations(own.migrations, rows)
    if (missing.length > 0) await createLedger(db)
    for (const migration of missing) {
      if (await applyMigration(db, migration)) done(`migration ${nameOf(migration)}`)
    }
    if (missing.length > 0 || lacksFunctions(own.migrations, own.functionSet, rows)) {
      if (await applyFunctions(db, own)) done(`the functions of version ${own.functionSet.program}`)
    }
    if (applied.length > 0 || alwaysPrepareRole) {
      const warning = await prepareAppRole(db)
      if (warning) log(warning)
    }
    return applied
  } catch (error) {
    throw explained(error)
  } finally {
    await db.close()
  }
}
