import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { shard } from '../src/db/shard.js'
import { clusterUrl } from '../test/helpers/template.js'

/** A database for tests, on all nodes of somebody's Citus cluster. */
export interface CitusDatabase {
  /** its name */
  database: string
  /** Removes it, and the login that was made for it. */
  drop(): Promise<void>
}

interface Node {
  host: string
  port: number
  takes_shards: boolean
  is_coordinator: boolean
}

/** who owns it */
export const owner = 'colloquy_owner'

const onNode = (url: string, { host, port }: Node, database: string): string => {
  const other = new URL(clusterUrl(url, { user: new URL(url).username, database }))
  other.hostname = host
  other.port = String(port)
  return other.href
}

const withSql = async <T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> => {
  const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} })
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/**
 * Makes a database on all nodes, and, unless told not to, distributes it with `colloquy shard`. `url` is a superuser's of a database of the
 * coordinator in which Citus knows its nodes; their addresses there have to lead to them from here, with the same login.
 */
export const createCitusDatabase = async (
  url: string,
  { shards = 8, isDistributed = true }: { shards?: number; isDistributed?: boolean } = {},
): Promise<CitusDatabase> => {
  const database = `colloquy_test_${randomBytes(6).toString('hex')}`
  const { nodes, isOwnerMade } = await withSql(url, async (sql) => {
    const nodes = await sql<Node[]>`
      select nodename as host, nodeport as port, shouldhaveshards as takes_shards, groupid = 0 as is_coordinator
      from pg_dist_node
      where noderole = 'primary' and isactive
      order by groupid`
    const password = new URL(url).password
    const [{ isMissing }] = await sql<
      [{ isMissing: boolean }]
    >`select to_regrole(${owner}) is null as "isMissing"`
    // Citus makes it on the other nodes, too.
    if (isMissing)
      await sql.unsafe(`create role ${owner} login createrole ${password ? `password '${password}'` : ''}`)
    return { nodes, isOwnerMade: isMissing }
  })
  const coordinator = nodes.find(({ is_coordinator }) => is_coordinator)
  if (!coordinator)
    throw new Error('The coordinator is not one of its nodes: citus_set_coordinator_host() first.')
  const drop = async () => {
    for (const node of nodes.toReversed()) {
      await withSql(onNode(url, node, new URL(url).pathname.slice(1)), async (sql) => {
        await sql`set citus.enable_ddl_propagation = off`
        await sql.unsafe(`drop database if exists ${database} with (force)`)
      })
    }
    if (isOwnerMade) await withSql(url, (sql) => sql.unsafe(`drop role ${owner}`)).catch(() => {})
  }
  try {
    for (const node of nodes) {
      await withSql(onNode(url, node, new URL(url).pathname.slice(1)), (sql) =>
        sql.unsafe(`create database ${database} owner ${owner}`),
      )
      await withSql(onNode(url, node, database), (sql) => sql`create extension citus`)
    }
    await withSql(clusterUrl(url, { user: new URL(url).username, database }), async (sql) => {
      await sql`select citus_set_coordinator_host(${coordinator.host}, ${coordinator.port})`
      for (const { host, port } of nodes.filter(({ is_coordinator }) => !is_coordinator))
        await sql`select citus_add_node(${host}, ${port})`
      await sql`select citus_set_node_property(${coordinator.host}, ${coordinator.port}, 'shouldhaveshards', ${coordinator.takes_shards})`
    })
    if (isDistributed) await shard(clusterUrl(url, { user: owner, database }), { shards })
    return { database, drop }
  } catch (error) {
    await drop()
    throw error
  }
}
