import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import type { Test } from 'tap'
import { throughPooler } from '../../scripts/pooler.js'
import { readSqlFiles } from '../../src/db/sql-files.js'
import { clusterUrl, template } from './template.js'
import { atEnd } from './test-files.js'

/**
 * `owner` is an ordinary role that owns the database and may create roles, `plain` one that may not;
 * `superuser` is for what row-level security must not be allowed to hide from a test.
 */
export type DatabaseOptions =
  | { login?: 'owner' | 'superuser'; migrated?: boolean }
  | { login: 'plain'; migrated: false }

export interface TestDatabase {
  /** leads through the pooler when the run has one (`npm run test:pooler`) */
  url: string
  /** the same, beside any pooler */
  directUrl: string
  superuserUrl: string
}

const pooler = process.env.COLLOQUY_TEST_POOLER

/** Whether a database's `url` leads through a pooler in this run. */
export const isPooled = pooler !== undefined

/** The one distributed database of the run, if it has one (`npm run test:citus`): no other can be cloned from it. */
const distributed = process.env.COLLOQUY_TEST_CITUS

export const isDistributed = distributed !== undefined

const users = { owner: 'colloquy_owner', plain: 'colloquy_plain' } as const

let administrator: postgres.Sql | undefined

/** The superuser's one connection of this process: each costs PostgreSQL nearly as much as a database. */
const administer = (cluster: string): postgres.Sql => {
  if (administrator) return administrator
  const sql = postgres(cluster, { max: 1, fetch_types: false, onnotice: () => {} })
  atEnd(() => sql.end())
  administrator = sql
  return sql
}

const testCluster = (): string => {
  const cluster = process.env.COLLOQUY_TEST_CLUSTER
  if (!cluster) throw new Error('There is no cluster to test with: run `npm test -- <file>`.')
  return cluster
}

/** Takes out of the distributed database what another test has left, its clock too. */
const empty = async (superuserUrl: string): Promise<void> => {
  const sql = postgres(superuserUrl, { max: 1, fetch_types: false, onnotice: () => {} })
  try {
    const [{ tables }] = await sql<[{ tables: string }]>`
      select string_agg(p.logicalrelid::text, ', ') as tables
      from pg_dist_partition p
      where p.logicalrelid <> 'colloquy.migrations'::regclass and p.logicalrelid::text like 'colloquy.%'`
    await sql.unsafe(`truncate ${tables}`)
    const [clock] = await sql<[{ is_stopped: boolean }]>`
      select strpos(prosrc, 'clock_timestamp') = 0 as is_stopped from pg_proc where oid = 'colloquy.clock()'::regprocedure`
    if (!clock.is_stopped) return
    const { functionSet } = await readSqlFiles()
    await sql.unsafe(functionSet.functions.find(({ name }) => name === 'clock')?.text ?? '')
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** A database that somebody else has made in the tests' cluster. */
export const sameDatabase = (url: string): Pick<TestDatabase, 'url' | 'superuserUrl'> => {
  // A URL may name several hosts, which URL does not read.
  const [, database = ''] = /\/([^/?]+)(?:\?.*)?$/.exec(url) ?? []
  return { url, superuserUrl: clusterUrl(testCluster(), { database }) }
}

/** A clone of the migrated template (or an empty database), and what drops it. */
export const createDatabase = async ({
  login = 'owner',
  migrated = true,
}: DatabaseOptions = {}): Promise<{
  database: TestDatabase
  drop(): Promise<unknown>
}> => {
  const cluster = testCluster()
  const userOf = login === 'superuser' ? {} : { user: users[login] }
  if (distributed !== undefined) {
    if (!migrated) throw new Error('There is one distributed database, which is migrated.')
    const superuserUrl = clusterUrl(cluster, { database: distributed })
    await empty(superuserUrl)
    const url = clusterUrl(cluster, { ...userOf, database: distributed })
    return { database: { url, directUrl: url, superuserUrl }, drop: async () => {} }
  }
  const name = `test_${randomBytes(8).toString('hex')}`
  const owner = login === 'plain' ? users.plain : users.owner
  const superuser = administer(cluster)
  // To copy the files costs half of what it costs to log all that is in them.
  const source = `template ${migrated ? template : 'template1'} strategy file_copy`
  await superuser.unsafe(`create database ${name} owner ${owner} ${source}`)
  const directUrl = clusterUrl(cluster, { ...userOf, database: name })
  return {
    database: {
      url: pooler ? throughPooler(directUrl, pooler) : directUrl,
      directUrl,
      superuserUrl: clusterUrl(cluster, { database: name }),
    },
    drop: () => superuser.unsafe(`drop database if exists ${name} with (force)`),
  }
}

/** A database of the test's own, dropped at its end. */
export const testDatabase = async (t: Test, options?: DatabaseOptions): Promise<TestDatabase> => {
  const { database, drop } = await createDatabase(options)
  t.teardown(drop)
  return database
}
