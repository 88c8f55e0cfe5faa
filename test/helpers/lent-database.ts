import postgres from 'postgres'
import type { Test } from 'tap'
import { connect } from '../../src/db/connect.js'
import type { Database } from '../../src/db/database.js'
import { connectionError, DatabaseUnavailable } from '../../src/db/errors.js'
import { createDatabase, type TestDatabase } from './database.js'
import { atEnd } from './test-files.js'

/** A database that tests of this process have one after another, with the connections of those before. */
interface Lendable extends TestDatabase {
  db: Database
  root: postgres.Sql
  /** what `definitionsOf` gave when it was new */
  definitions: string
}

const free: Lendable[] = []

/** Changes whenever something is defined, altered or dropped in the database, or in its settings. */
const definitionsOf = async (root: postgres.Sql): Promise<string> => {
  const [row] = await root<[{ text: string }]>`
    select string_agg(concat_ws(' ', n, last), ', ') as text
    from (
      select count(*) as n, max(xmin::text::bigint) as last from pg_catalog.pg_class where oid >= 16384
      union all select count(*), max(xmin::text::bigint) from pg_catalog.pg_attribute where attrelid >= 16384
      union all select count(*), max(xmin::text::bigint) from pg_catalog.pg_proc where oid >= 16384
      union all select count(*), max(xmin::text::bigint) from pg_catalog.pg_constraint where oid >= 16384
      union all select count(*), max(xmin::text::bigint) from pg_catalog.pg_policy
      union all select count(*), max(xmin::text::bigint) from pg_catalog.pg_trigger
      union all select count(*), max(xmin::text::bigint) from pg_catalog.pg_type where oid >= 16384
      union all select count(*), max(xmin::text::bigint) from pg_catalog.pg_namespace
      union all select count(*), max(xmin::text::bigint) from pg_catalog.pg_db_role_setting
        where setdatabase = (select oid from pg_catalog.pg_database where datname = current_database())
      union all select count(*), max(xmin::text::bigint) from colloquy.migrations
    ) as catalog`
  return row.text
}

/** Forgets all that tests have stored; the definitions stay. */
const clear = async (root: postgres.Sql): Promise<void> => {
  const tables = await root<{ name: string }[]>`
    select relname as name from pg_catalog.pg_class
    where relnamespace = 'colloquy'::regnamespace and relkind = 'r' and relname <> 'migrations'`
  const deletes = tables.map(({ name }) => `delete from colloquy.${name};`)
  await root.unsafe(`set session_replication_role = replica; ${deletes.join(' ')}`)
}

const make = async (): Promise<Lendable> => {
  const { database, drop } = await createDatabase()
  const root = postgres(database.superuserUrl, { max: 1, fetch_types: false, onnotice: () => {} })
  const db = connect({ url: database.url, max: 5, prepare: 'auto' })
  atEnd(async () => {
    await Promise.all([db.close(), root.end()])
    await drop()
  })
  return { ...database, db, root, definitions: await definitionsOf(root) }
}

/** The same database until it is closed, which waits for what is under way in it, and leaves the connections open. */
const lease = (db: Database): Database => {
  const underWay = new Set<Promise<unknown>>()
  let isClosed = false
  const guarded = <T>(work: () => Promise<T>): Promise<T> => {
    if (isClosed)
      return Promise.reject(new DatabaseUnavailable(connectionError('CLOSING', 'the pool is closing')))
    const working = work()
    underWay.add(working)
    const over = () => underWay.delete(working)
    working.then(over, over)
    return working
  }
  return {
    asUser: (userId, work) => guarded(() => db.asUser(userId, work)),
    asNobody: (work) => guarded(() => db.asNobody(work)),
    statement: (...args) => guarded(() => db.statement(...args)) as never,
    nodeOf: db.nodeOf,
    asLogin: (work, options) => guarded(() => db.asLogin(work, options)),
    async close() {
      isClosed = true
      await Promise.allSettled(underWay)
    },
  }
}

/**
 * A migrated database with a pool of five connections, for an app that does nothing with it but serve. To make it and to open
 * its connections takes longer than most tests; so it is the next test's afterwards, without its rows, unless something
 * in it has been defined anew.
 */
export const lendDatabase = async (t: Test): Promise<TestDatabase & { db: Database }> => {
  const lendable = free.pop() ?? (await make())
  const db = lease(lendable.db)
  t.teardown(async () => {
    await db.close()
    if ((await definitionsOf(lendable.root)) !== lendable.definitions) return
    await clear(lendable.root)
    free.push(lendable)
  })
  const { url, directUrl, superuserUrl } = lendable
  return { url, directUrl, superuserUrl, db }
}
