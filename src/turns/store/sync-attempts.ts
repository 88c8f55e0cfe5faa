import type { Database } from '../../db/database.js'
import { asJson } from './as-json.js'
import type { StoredEvents } from './event-encoding.js'

/** An entry of sync_attempts.sql, which documents the fields. */
export interface SyncEntry {
  user_id: string
  turn_id: string
  runs: boolean
  attempt: number | null
  seq: number | null
  events: StoredEvents | null
}

/** A change that the instance must react to; sync_attempts.sql documents the states. */
export interface SyncRow {
  /** the number of its entry, starting at 1 */
  entry: number
  state: 'events' | 'lapsed' | 'ended' | 'cancel' | 'lost' | 'locked'
  seq: number
  events: StoredEvents
}

/** One tick of an instance's heartbeat, for all turns that it runs or follows, in one round trip. */
export const syncAttempts = (
  db: Database,
  entries: readonly SyncEntry[],
  leaseMs: number,
): Promise<readonly SyncRow[]> =>
  db.statement(
    (sql) => sql<SyncRow[]>`
      select entry, state, seq, events
      from colloquy.sync_attempts(
        p_entries => ${asJson(sql, entries)}, p_lease_ms => ${leaseMs},
        p_user_id => ${entries[0]?.user_id ?? ''})`,
    'others',
  )
