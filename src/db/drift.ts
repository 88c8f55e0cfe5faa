import { readFile } from 'node:fs/promises'
import { packageRoot } from '../root.js'
import type { Database } from './database.js'
import { readLedgerRows } from './ledger.js'
import { readSchemaObjects, type SchemaObject } from './schema-objects.js'
import { readSqlFiles } from './sql-files.js'

/** The schema that sql/ creates, recorded by `npm run schema`. */
const schemaObjectsFile = new URL('generated/schema.json', packageRoot)

/** The differences between a database and the schema that sql/ creates. */
interface Drift {
  /** one sentence each */
  differences: string[]
  /** what was not compared, because a newer program has changed it */
  skipped: 'all' | 'functions' | undefined
}

const keyOf = ({ kind, name }: SchemaObject): string => `${kind} ${name}`

/** Definitions that are compared by hash, which is no use in a message. */
const isLong = ({ kind }: SchemaObject): boolean => kind === 'function' || kind === 'view'

const differenceOf = (expected: SchemaObject, found: SchemaObject): string =>
  isLong(expected)
    ? `${keyOf(expected)} has another definition`
    : `${keyOf(expected)} is "${found.definition}", not "${expected.definition}"`

/** The keys of the objects that may contain this one. If the owner is missing or foreign, its parts need no mention. */
const ownerKeys = ({ kind, name }: SchemaObject): string[] => {
  if (kind === 'column' || kind === 'constraint') return [`table ${name.split('.')[0]}`]
  if (kind === 'policy' || kind === 'trigger' || kind === 'rule') return [`table ${name.split(' on ')[1]}`]
  const of = kind === 'grant' ? / on (.*) to /.exec(name)?.[1] : undefined
  return of ? ['table', 'view', 'sequence', 'function'].map((whole) => `${whole} ${of}`) : []
}

const compareSchemas = (expected: SchemaObject[], found: SchemaObject[]): string[] => {
  const foundByKey = new Map(found.map((object) => [keyOf(object), object]))
  const expectedKeys = new Set(expected.map(keyOf))
  const missing = new Set([...expectedKeys].filter((key) => !foundByKey.has(key)))
  const foreign = new Set([...foundByKey.keys()].filter((key) => !expectedKeys.has(key)))
  const isPartOf = (keys: Set<string>) => (object: SchemaObject) =>
    ownerKeys(object).some((key) => keys.has(key))
  const isPartOfMissing = isPartOf(missing)
  const isPartOfForeign = isPartOf(foreign)
  return [
    ...expected.flatMap((object) => {
      const same = foundByKey.get(keyOf(object))
      if (!same) return isPartOfMissing(object) ? [] : [`${keyOf(object)} is missing`]
      return same.definition === object.definition ? [] : [differenceOf(object, same)]
    }),
    ...found
      .filter((object) => foreign.has(keyOf(object)) && !isPartOfForeign(object))
      .map((object) => `${keyOf(object)} is not Colloquy's`),
  ]
}

const isFunctionObject = ({ kind, name }: SchemaObject): boolean =>
  kind === 'function' || (kind === 'grant' && name.startsWith('EXECUTE '))

/** Compares a migrated database with the schema that sql/ creates. */
export const findDrift = async (db: Database): Promise<Drift> => {
  const expected = JSON.parse(await readFile(schemaObjectsFile, 'utf8')) as SchemaObject[]
  const { migrations, functionSet } = await readSqlFiles()
  const { rows, objects, hasAppRole } = await db.asLogin(async (sql) => ({
    rows: await readLedgerRows(sql),
    objects: await readSchemaObjects(sql),
    hasAppRole: (
      await sql<[{ found: boolean }]>`select pg_catalog.to_regrole('colloquy_app') is not null as found`
    )[0].found,
  }))
  if (rows.some(({ version }) => version > (migrations.at(-1)?.version ?? 0))) {
    return { differences: [], skipped: 'all' }
  }
  const checksum = rows.findLast((row) => row.functions_checksum !== null)?.functions_checksum
  const skipped = checksum === functionSet.checksum ? undefined : 'functions'
  const isCompared = (object: SchemaObject): boolean => !(skipped && isFunctionObject(object))
  // An owner that may not create the role is itself bound by row-level security.
  const isExpected = ({ kind, name }: SchemaObject): boolean =>
    hasAppRole || kind !== 'grant' || !name.endsWith(' to colloquy_app')
  const differences = compareSchemas(
    expected.filter(isExpected).filter(isCompared),
    objects.filter(isCompared),
  )
  return { differences, skipped }
}
