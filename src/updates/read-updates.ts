import type { Database } from '../db/database.js'
import { asJson } from '../turns/store/as-json.js'

/** An entry of read_updates.sql, which documents the fields. */
export interface ReadEntry {
  user_id: string
  since: string | null
  running: readonly string[]
  is_open: boolean
}

/** A row of read_updates.sql, which documents the types. */
export interface UpdateRow {
  /** the number of its entry, starting at 1 */
  entry: number
  type: string
  conversation_id: string | null
  turn_id: string | null
  attempt: number | null
  status: string | null
  /** to the microsecond, so that two changes of a conversation have two times; texts compare as the times do */
  at: string | null
}

export interface UpdatesRead {
  /** the time to go on from */
  at: string
  /** by the number of the entry, starting at 0; undefined where it was not read, since those before it took too long */
  rows: (UpdateRow[] | undefined)[]
}

/** Reads what has changed for all the users, the first one at least, in one round trip. */
export const readUpdates = async (db: Database, entries: readonly ReadEntry[]): Promise<UpdatesRead> => {
  const [read, ...changes] = await db.statement(
    (sql) => sql<[UpdateRow & { at: string }, ...UpdateRow[]]>`
      select entry, type, conversation_id, turn_id, attempt, status,
        to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
      from colloquy.read_updates(
        p_entries => ${asJson(sql, entries)}, p_user_id => ${entries[0]?.user_id ?? ''})`,
    'others',
  )
  const rows: UpdatesRead['rows'] = entries.map(() => undefined)
  for (const row of changes) {
    const mine = rows[row.entry - 1]
    if (mine) mine.push(row)
    else rows[row.entry - 1] = [row]
  }
  return { at: read.at, rows }
}
