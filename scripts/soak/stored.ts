import { setTimeout as sleep } from 'node:timers/promises'
import type { Sql } from 'postgres'
import type { Book } from './storage.js'

/** Longer than it takes until what has expired is removed. */
const settleMs = 90_000

export const countRows = async (sql: Sql, table: string): Promise<number> => {
  const [row] = await sql<[{ rows: number }]>`select count(*)::int as rows from ${sql(`colloquy.${table}`)}`
  return row.rows
}

/**
 * Holds the database against what clients know, once all turns have ended: what it has too little was lost, what it has too much was
 * done twice, or was to be gone. Gives what is wrong.
 */
export const judgeStored = async (
  sql: Sql,
  { live, liveTurns, turns }: Book,
  boundMs = settleMs,
): Promise<string[]> => {
  const expected = Object.entries({
    conversations: live,
    turns: liveTurns,
    messages: 2 * liveTurns,
    idempotency_keys: turns,
  })
  const compare = async (): Promise<string[]> => {
    const rows = await Promise.all(expected.map(([table]) => countRows(sql, table)))
    return expected.flatMap(([table, wanted], n) =>
      rows[n] === wanted ? [] : [`${table} has ${rows[n]} rows in place of ${wanted}`],
    )
  }
  const start = performance.now()
  let wrong = await compare()
  while (wrong.length > 0 && performance.now() - start < boundMs) {
    await sleep(500)
    wrong = await compare()
  }
  // Outlives conversations, and counts a turn once, however many attempts it took.
  const [{ counted, running }] = await sql<[{ counted: number; running: number }]>`
    select (select coalesce(sum(u.turns), 0) from colloquy.usage u)::int as counted,
      (select count(*) from colloquy.turns t where t.status = 'running')::int as running`
  if (counted !== turns) wrong.push(`${counted} turns were counted in place of ${turns}`)
  if (running > 0) wrong.push(`${running} turns still run`)
  return wrong
}

/** How many checkpoints there were. */
export const countCheckpoints = async (sql: Sql): Promise<number> => {
  const [{ version }] = await sql<[{ version: number }]>`
    select current_setting('server_version_num')::int as version`
  const [{ done }] = await sql<[{ done: number }]>`
    select ${
      version >= 170_000
        ? sql`(num_timed + num_requested)::int as done from pg_stat_checkpointer`
        : sql`(checkpoints_timed + checkpoints_req)::int as done from pg_stat_bgwriter`
    }`
  return done
}
