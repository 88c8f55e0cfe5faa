import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../root.js'
import { connect } from './connect.js'
import type { Database, Sql } from './database.js'

const folder = new URL('sql/', packageRoot)
/** SQLSTATEs of two programs creating the schema at the same moment. */
const creationRaces = new Set(['23505', '42P06', '42P07'])

interface Migration {
  version: number
  name: string
  /** SHA-256 of the file, so that a changed migration is noticed */
  checksum: string
  /** a program whose newest migration is older than this one may not run any more */
  oldestProgram: number
  file: string
}

interface Applied {
  version: number
  checksum: string
  oldest_program: number
}

/** The database's schema and this program do not fit together; the message says what to do. */
export class SchemaMismatch extends Error {}

const readMigrations = async (): Promise<Migration[]> => {
  const names = (await readdir(folder)).filter((name) => /^\d{4}-.+\.sql$/.test(name)).sort()
  return Promise.all(
    names.map(async (name) => {
      const file = fileURLToPath(new URL(name, folder))
      const text = await readFile(file, 'utf8')
      const oldest = /^-- oldest program: (\d+)$/m.exec(text)?.[1]
      if (!oldest) throw new Error(`sql/${name} does not say "-- oldest program: N".`)
      const checksum = createHash('sha256').update(text).digest('hex')
      return {
        version: Number(name.slice(0, 4)),
        name: name.slice(5, -4),
        checksum,
        oldestProgram: Number(oldest),
        file,
      }
    }),
  )
}

const readApplied = (db: Database): Promise<Applied[]> =>
  db.asLogin(async (sql) => {
    const [found] = await sql<{ exists: boolean }[]>`
      select to_regclass('colloquy.migrations') is not null as exists`
    if (!found?.exists) return []
    return sql<Applied[]>`select version, checksum, oldest_program from colloquy.migrations order by version`
  })

const judge = (migrations: Migration[], applied: Applied[]): Migration[] => {
  const newest = migrations.at(-1)?.version ?? 0
  const needed = Math.max(0, ...applied.map((row) => row.oldest_program))
  if (needed > newest) {
    throw new SchemaMismatch(
      `The database was migrated by a newer Colloquy: it needs migration ${needed}, this program has ${newest}. Upgrade this program.`,
    )
  }
  const changed = applied.find((row) =>
    migrations.some((own) => own.version === row.version && own.checksum !== row.checksum),
  )
  if (changed) {
    throw new SchemaMismatch(
      `Migration ${changed.version} of the database differs from this program's file. Migrations are never edited: restore the file.`,
    )
  }
  return migrations.filter((own) => !applied.some((row) => row.version === own.version))
}

/** The migrations that this database lacks; throws SchemaMismatch when this program may not use it at all. */
export const pendingMigrations = async (db: Database): Promise<string[]> => {
  const applied = await readApplied(db).catch((error) => {
    throw explained(error)
  })
  return judge(await readMigrations(), applied).map(({ version, name }) => `${version} ${name}`)
}

const createLedger = (sql: Sql) => sql`
  create table if not exists colloquy.migrations (
    version integer primary key,
    name text not null,
    checksum text not null,
    oldest_program integer not null,
    applied_at timestamptz(3) not null default now()
  )`

const bootstrap = async (db: Database, attemptsLeft = 5): Promise<void> => {
  try {
    await db.asLogin(async (sql) => {
      await sql`create schema if not exists colloquy`
      await createLedger(sql)
    })
  } catch (error) {
    const code = (error as { code?: string }).code ?? ''
    if (!creationRaces.has(code) || attemptsLeft === 0) throw error
    await bootstrap(db, attemptsLeft - 1)
  }
}

/** One program at a time migrates; and no other role's objects can take the place of what a migration means. */
const lockLedger = async (sql: Sql): Promise<void> => {
  await sql`set local search_path = pg_catalog, pg_temp`
  await sql`lock table colloquy.migrations in share row exclusive mode`
}

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

/** Applies one migration with its record, unless another program did so while this one waited for the lock. */
const apply = (db: Database, migration: Migration): Promise<boolean> =>
  db.asLogin(async (sql) => {
    await lockLedger(sql)
    const done = await sql`select 1 from colloquy.migrations where version = ${migration.version}`
    if (done.length > 0) return false
    await sql.file(migration.file)
    await sql`
      insert into colloquy.migrations (version, name, checksum, oldest_program)
      values (${migration.version}, ${migration.name}, ${migration.checksum}, ${migration.oldestProgram})`
    return true
  })

export interface MigrateOptions {
  log?: (line: string) => void
  /** looks after the role that serves requests even when there is nothing to apply */
  alwaysPrepareRole?: boolean
}

/**
 * Brings the schema up to this program's newest migration, each in a transaction with the row that records it.
 * Several programs may do this at once. Returns the versions that this call applied.
 */
export const migrate = async (
  url: string,
  { log, alwaysPrepareRole = false }: MigrateOptions = {},
): Promise<number[]> => {
  const db = connect({ url, max: 1, prepare: 'off', statementTimeoutMs: 600_000 })
  try {
    const pending = judge(await readMigrations(), await readApplied(db))
    if (pending.length > 0) await bootstrap(db)
    const versions: number[] = []
    for (const migration of pending) {
      if (!(await apply(db, migration))) continue
      versions.push(migration.version)
      log?.(`applied migration ${migration.version} ${migration.name}`)
    }
    if (pending.length > 0 || alwaysPrepareRole) {
      const warning = await prepareAppRole(db)
      if (warning) log?.(warning)
    }
    return versions
  } catch (error) {
    throw explained(error)
  } finally {
    await db.close()
  }
}
