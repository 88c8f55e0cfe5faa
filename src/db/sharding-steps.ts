import type { Database, Sql } from './database.js'
import { allowAttempt } from './ledger.js'
import type { MigrationStep } from './migration-steps.js'
import { calledFunctions, defaultShards, readShardingState, type ShardingState } from './sharding.js'
import type { SqlFiles } from './sql-files.js'

interface ShardingStep {
  name: string
  isMissing(state: ShardingState): boolean
  apply(sql: Sql, state: ShardingState): Promise<unknown>
}

interface Options {
  files: SqlFiles
  /** how many shards the tables are cut into, where they are not yet */
  shards: number
  /** hears of each table when its rows begin to be copied */
  onTable?: (table: { name: string; number: number; of: number }) => void
}

/** In their order. Each is one transaction, and finds out by itself what is left to do. */
const shardingSteps = ({ files, shards, onTable = () => {} }: Options): ShardingStep[] => [
  {
    name: 'role of the nodes',
    isMissing: ({ is_begun, unready_nodes }) =>
      !is_begun || unready_nodes === null || unready_nodes.length > 0,
    apply: (sql) => sql`select colloquy.prepare_node_role()`,
  },
  {
    name: 'reference table',
    isMissing: ({ is_ledger_local }) => is_ledger_local,
    // On every node, so that an instance may be connected to any of them.
    apply: (sql) => sql`select create_reference_table('colloquy.migrations')`,
  },
  {
    name: 'tables',
    isMissing: ({ local_tables }) => local_tables.length > 0,
    apply: async (sql, { local_tables: tables }) => {
      // All at once, before anything is copied: else the copying could be in vain, for a lock that is not to be had.
      await sql.unsafe(`lock table ${tables.join(', ')} in access exclusive mode`)
      for (const [index, name] of tables.entries()) {
        onTable({ name, number: index + 1, of: tables.length })
        await sql`select colloquy.distribute_table(p_table => ${name}::text::regclass, p_shards => ${shards})`
      }
    },
  },
  {
    name: 'rows that were copied',
    isMissing: ({ leftovers }) => leftovers.length > 0,
    apply: async (sql, { leftovers }) => {
      for (const name of leftovers)
        await sql`select truncate_local_data_after_distributing_table(${name}::text::regclass)`
    },
  },
  {
    name: 'functions',
    isMissing: ({ functions }) => functions.length > 0,
    apply: (sql) => {
      const called = sql.json(calledFunctions(files))
      return sql`
        select colloquy.distribute_functions(
          p_called => array(select pg_catalog.jsonb_array_elements_text(${called})))`
    },
  },
]

/** Distributes what a migration has made, in its transaction, where the other tables are distributed. */
export const distributeAddedTables = async (sql: Sql, files: SqlFiles): Promise<void> => {
  const [{ can }] = await sql<[{ can: boolean }]>`
    select to_regprocedure('colloquy.sharding_state(text[])') is not null as can`
  if (!can) return
  const { is_begun, local_tables } = await readShardingState(sql, files)
  if (!is_begun) return
  for (const name of local_tables)
    await sql`select colloquy.distribute_table(p_table => ${name}::text::regclass, p_shards => ${defaultShards})`
}

/**
 * Does what a database lacks that is to be distributed, or, with `onlyIfBegun`, that is: a migration may have added something.
 * Resolves with the names of the steps that had something to do.
 */
export const completeSharding = async (
  db: Database,
  options: Options & {
    onlyIfBegun?: boolean
    runStep: (step: MigrationStep) => Promise<boolean>
    onBegin?: (step: { name: string; number: number; of: number }) => void
    onApplied?: (name: string) => void
  },
): Promise<string[]> => {
  const { files, runStep, onBegin = () => {}, onApplied = () => {}, onlyIfBegun = false } = options
  const read = () => db.asLogin((sql) => readShardingState(sql, files))
  const done: string[] = []
  const steps = shardingSteps(options)
  for (const [index, { name, isMissing, apply }] of steps.entries()) {
    const state = await read()
    if (state.version === null || state.fault !== null || (onlyIfBegun && !state.is_begun)) return done
    if (!isMissing(state)) continue
    onBegin({ name, number: index + 1, of: steps.length })
    const step: MigrationStep = {
      name,
      isPending: () => true,
      apply: async (sql) => {
        const now = await readShardingState(sql, files)
        if (isMissing(now)) await apply(sql, now)
        await allowAttempt(sql)
      },
    }
    if (!(await runStep(step))) continue
    done.push(name)
    onApplied(name)
  }
  return done
}
