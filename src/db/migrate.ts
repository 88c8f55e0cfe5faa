import { connect } from './connect.js'
import type { Database } from './database.js'
import {
  createLedger,
  lockLedger,
  missingMigrations,
  needsFunctions,
  readLedger,
  recordFunctions,
  recordMigration,
  SchemaMismatch,
} from './ledger.js'
import { defaultLockRetry, type LockRetry, type MigrationStep, runStep } from './migration-steps.js'
import { defaultShards } from './sharding.js'
import { completeSharding, distributeAddedTables } from './sharding-steps.js'
import { splitStatements } from './split-statements.js'
import { type Migration, readSqlFiles, type SqlFiles } from './sql-files.js'

export { SchemaMismatch } from './ledger.js'

const denied = '42501'

/** Explains missing privileges. */
const toSchemaMismatch = (error: unknown): unknown =>
  (error as { code?: string }).code === denied
    ? new SchemaMismatch(
        'This login can neither use nor create the schema colloquy. Run "colloquy migrate" as the owner of the database, and ' +
          'give a login that only serves the role colloquy_app: grant colloquy_app to <login>;',
        { cause: error },
      )
    : error

const nameOf = ({ version, name }: Migration): string => `${version} ${name}`

interface PendingChanges {
  /** the migrations that the database lacks */
  migrations: string[]
  /** whether this program would replace its functions */
  functions: boolean
}

/** What `migrate` would do. Throws SchemaMismatch when this program cannot use the database at all. */
export const pendingChanges = async (db: Database): Promise<PendingChanges> => {
  const rows = await readLedger(db).catch((error) => {
    throw toSchemaMismatch(error)
  })
  const { migrations, functionSet } = await readSqlFiles()
  return {
    migrations: missingMigrations(migrations, rows).map(nameOf),
    functions: needsFunctions(migrations, functionSet, rows),
  }
}

/** The migrations that the database lacks. An instance can serve with another version's functions, but not without these. */
export const pendingMigrations = async (db: Database): Promise<string[]> =>
  (await pendingChanges(db)).migrations

/** Creates the role that serves requests, or grants what it lacks, where the login may. Resolves with a warning otherwise. */
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

const migrationStep =
  (files: SqlFiles) =>
  (migration: Migration): MigrationStep => ({
    name: `migration ${nameOf(migration)}`,
    isPending: (rows) => !rows.some(({ version }) => version === migration.version),
    apply: async (sql) => {
      // On Citus: one connection a node, so that what the migration makes can be distributed in its transaction.
      const onCitus = await sql`
        select pg_catalog.set_config('citus.multi_shard_modify_mode', 'sequential', true)
        where pg_catalog.current_setting('citus.multi_shard_modify_mode', true) is not null`
      const statements = onCitus.length > 0 ? splitStatements(migration.text) : [migration.text]
      for (const statement of statements) await sql.unsafe(statement)
      await recordMigration(sql, migration)
      await distributeAddedTables(sql, files)
    },
  })

/** Replaces every function, without locking a table. */
const functionsStep = ({ migrations, functionSet }: SqlFiles): MigrationStep => ({
  name: `functions of version ${functionSet.program}`,
  isPending: (rows) => needsFunctions(migrations, functionSet, rows),
  apply: async (sql) => {
    await sql.unsafe([functionSet.retired, ...functionSet.functions.map(({ text }) => text)].join('\n'))
    await recordFunctions(sql, functionSet)
  },
})

export interface MigrateOptions {
  log?: (line: string) => void
  /** hears of each step when it begins, the first being number 1 */
  onBegin?: (step: { name: string; number: number; of: number }) => void
  /** hears of each step that was applied; default: says so to `log` */
  onApplied?: (name: string) => void
  /** prepares the role that serves requests even when there is nothing to apply */
  alwaysPrepareRole?: boolean
  /** cancels the migration; the running step is rolled back */
  signal?: AbortSignal
  /** default: this program's own */
  files?: SqlFiles
  lockRetry?: LockRetry
}

/**
 * Brings the schema up to date: each missing migration in one transaction with the row that records it, then all
 * functions in one transaction. Safe to run concurrently, beside instances that serve. Resolves with the names of the
 * steps that this call applied.
 */
export const migrate = async (url: string, options: MigrateOptions = {}): Promise<string[]> => {
  const { log = () => {}, alwaysPrepareRole = false, lockRetry = defaultLockRetry } = options
  const { onBegin = () => {}, onApplied = (name) => log(`applied the ${name}`) } = options
  const { signal = new AbortController().signal } = options
  const files = options.files ?? (await readSqlFiles())
  // The second connection watches what the first one waits for.
  const db = connect({ url, max: 2, prepare: 'off', statementTimeoutMs: 600_000 })
  const abort = () => void db.close(0)
  signal.addEventListener('abort', abort, { once: true })
  try {
    const missing = missingMigrations(files.migrations, await readLedger(db))
    if (missing.length > 0) await createLedger(db)
    const applied: string[] = []
    const steps = [...missing.map(migrationStep(files)), functionsStep(files)]
    for (const [index, step] of steps.entries()) {
      onBegin({ name: step.name, number: index + 1, of: steps.length })
      if (!(await runStep(db, step, { lockRetry, log, signal }))) continue
      applied.push(step.name)
      onApplied(step.name)
    }
    if (applied.length > 0 || alwaysPrepareRole) {
      const warning = await prepareAppRole(db)
      if (warning) log(warning)
      await completeSharding(db, {
        ...{ files, shards: defaultShards, onlyIfBegun: true },
        runStep: (step) => runStep(db, step, { lockRetry, log, signal }),
        onApplied: (name) => log(`distributed: ${name}`),
      })
    }
    return applied
  } catch (error) {
    signal.throwIfAborted()
    throw toSchemaMismatch(error)
  } finally {
    signal.removeEventListener('abort', abort)
    await db.close()
  }
}
