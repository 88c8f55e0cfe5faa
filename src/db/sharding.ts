import type { Database, Sql } from './database.js'
import { readSqlFiles, type SqlFiles } from './sql-files.js'

/** How far a database is distributed over the nodes of a Citus cluster; sharding_state.sql explains the fields. */
export interface ShardingState {
  /** of the Citus extension; null: this is a plain PostgreSQL */
  version: string | null
  fault: string | null
  workers: number
  shards: number | null
  is_begun: boolean
  is_ledger_local: boolean
  local_tables: string[]
  leftovers: string[]
  functions: string[]
  unready_nodes: string[] | null
}

/** A database cannot be distributed. The message tells the operator what to do. */
export class CannotShard extends Error {}

export const defaultShards = 32

/** The functions that the program calls, among which are those that go to their user's node. */
export const calledFunctions = ({ functionSet }: SqlFiles): string[] =>
  functionSet.functions.filter(({ isInternal }) => !isInternal).map(({ name }) => name)

export const readShardingState = async (sql: Sql, files: SqlFiles): Promise<ShardingState> => {
  const called = sql.json(calledFunctions(files))
  const [state] = await sql<[ShardingState]>`
    select version, fault, workers, shards, is_begun, is_ledger_local, to_json(local_tables) as local_tables,
      to_json(leftovers) as leftovers, to_json(functions) as functions, to_json(unready_nodes) as unready_nodes
    from colloquy.sharding_state(p_called => array(select pg_catalog.jsonb_array_elements_text(${called})))`
  return state
}

const list = (names: readonly string[]): string =>
  names.length > 4 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} others` : names.join(', ')

/** What a distributed database lacks, one clause each; nothing of a plain one. */
export const missingSharding = (state: ShardingState): string[] => {
  if (state.version === null) return []
  const { fault, is_ledger_local, local_tables, leftovers, functions, unready_nodes } = state
  return [
    ...(fault ? [fault] : []),
    ...(unready_nodes?.length
      ? [`colloquy_app may not log in, or lacks its limits, on ${list(unready_nodes)}`]
      : []),
    ...(is_ledger_local ? ['colloquy.migrations is no reference table'] : []),
    ...(local_tables.length > 0 ? [`not distributed: ${list(local_tables)}`] : []),
    ...(leftovers.length > 0
      ? [`rows that were copied are still on the coordinator: ${list(leftovers)}`]
      : []),
    ...(functions.length > 0 ? [`functions that are not distributed: ${list(functions)}`] : []),
  ]
}

/** Throws, with what the operator can do, when the database cannot be distributed from here. */
export const assertDistributable = ({ version, fault }: ShardingState): void => {
  if (version === null) {
    throw new CannotShard(
      'This is a plain PostgreSQL: it has no Citus extension, so there is nothing to distribute it with. Colloquy runs on it as it ' +
        'is. To distribute it, install Citus on each server and run "create extension citus;" in this database on each; see sql/sharding/README.md.',
    )
  }
  if (fault !== null) throw new CannotShard(`This database cannot be distributed: ${fault}`)
}

/** How a database is distributed; undefined where nobody has begun to. */
export const readShardingIfBegun = async (db: Database): Promise<ShardingState | undefined> => {
  const files = await readSqlFiles()
  const state = await db.asLogin((sql) => readShardingState(sql, files))
  return state.version !== null && state.is_begun ? state : undefined
}
