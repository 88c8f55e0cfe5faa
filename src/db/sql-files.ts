import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { packageRoot } from '../root.js'

/** A numbered file of sql/migrations. It is never edited once released. */
export interface Migration {
  version: number
  name: string
  text: string
  /** SHA-256 of the file, to detect an edited migration */
  checksum: string
  /** the version of the newest migration that a program must have to keep running */
  oldestProgram: number
}

/** A file of sql/functions: one function of the schema colloquy, named like the file. */
export interface SqlFunction {
  name: string
  /** called only by other functions */
  isInternal: boolean
  text: string
}

/** This program's functions, which replace an older program's all at once. */
export interface FunctionSet {
  functions: SqlFunction[]
  /** drops the functions that the previous release was the last to call */
  retired: string
  /** SHA-256 of all of them, to detect a database with other functions */
  checksum: string
  /** the version of the program */
  program: string
}

/** The contents of sql/: the schema that this program needs. */
export interface SqlFiles {
  migrations: Migration[]
  functionSet: FunctionSet
}

const sqlFolder = new URL('sql/', packageRoot)

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const readSqlFolder = async (folder: URL): Promise<{ name: string; text: string }[]> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (name) => ({
      name: basename(name, '.sql'),
      text: await readFile(new URL(name, folder), 'utf8'),
    })),
  )
}

const parseMigration = ({ name, text }: { name: string; text: string }): Migration => {
  const [, version, title] = /^(\d{4})-(.+)$/.exec(name) ?? []
  const oldest = /^-- oldest program: (\d+)$/m.exec(text)?.[1]
  if (!version || !title) throw new Error(`sql/migrations/${name}.sql is not named NNNN-name.sql.`)
  if (!oldest) throw new Error(`sql/migrations/${name}.sql lacks the line "-- oldest program: N".`)
  return {
    version: Number(version),
    name: title,
    text,
    checksum: sha256(text),
    oldestProgram: Number(oldest),
  }
}

/** The checksum does not depend on the order of the functions. */
export const buildFunctionSet = (functions: SqlFunction[], retired: string, program: string): FunctionSet => {
  const sorted = [...functions].sort((a, b) => (a.name < b.name ? -1 : 1))
  return {
    functions: sorted,
    retired,
    checksum: sha256([retired, ...sorted.flatMap(({ name, text }) => [name, text])].join('\0')),
    program,
  }
}

export const readSqlFiles = async (): Promise<SqlFiles> => {
  const [migrations, called, internal, retired, manifest] = await Promise.all([
    readSqlFolder(new URL('migrations/', sqlFolder)),
    readSqlFolder(new URL('functions/', sqlFolder)),
    readSqlFolder(new URL('functions/internal/', sqlFolder)),
    readFile(new URL('retired.sql', sqlFolder), 'utf8'),
    readFile(new URL('package.json', packageRoot), 'utf8'),
  ])
  const functions = [
    ...called.map((file) => ({ ...file, isInternal: false })),
    ...internal.map((file) => ({ ...file, isInternal: true })),
  ]
  return {
    migrations: migrations.map(parseMigration),
    functionSet: buildFunctionSet(functions, retired, (JSON.parse(manifest) as { version: string }).version),
  }
}
