import type { Sql } from 'postgres'

/** The pids of PostgreSQL's processes, except this connection's own. */
export const backendPids = async (sql: Sql): Promise<number[]> => {
  const rows = await sql<{ pid: number }[]>`select pid from pg_stat_activity where pid <> pg_backend_pid()`
  return rows.map(({ pid }) => pid)
}
