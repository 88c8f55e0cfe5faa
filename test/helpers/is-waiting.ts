import type { Sql } from 'postgres'
import { isDistributed } from './database.js'

/** Whether somebody waits for a lock, on any node. */
export const isWaiting = async (sql: Sql): Promise<boolean> => {
  const rows = isDistributed
    ? await sql`
        select from run_command_on_all_nodes('select count(*) from pg_locks where not granted') n where n.result <> '0'`
    : await sql`select from pg_locks where not granted`
  return rows.length > 0
}
