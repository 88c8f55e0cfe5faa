import type { Database } from '../../db/database.js'
import { asJson } from './as-json.js'
import type { StoredEvents } from './event-encoding.js'

/** What sync_attempts.sql reads of an entry, which explains the fields. */
export interface SyncEntry {
  user_id: string
  turn_id: string
  runs: boolean
  attempt: number | null
  seq: number | null
  events: StoredEvents | null
}

/** What an instance has to act on; sync_attempts.sql explains the states. */
export interface SyncRow {
  /** the number of the entry that it is for, from 1 on */
  entry: number
  state: 'events' | 'lapsed' | 'ended' | 'cancel' | 'lost' | 'locked'
  seq: number
  events: StoredEvents
}

/** One tick of an instance, for all the turns that it runs or follows, in one round trip. */
export const syncAttempts = (
  db: Database,
  entries: readonly SyncEntry[],
  leaseMs: number,
): Promise<readonly SyncRow[]> =>
  db.statement(
    (sql) => sql<SyncRow[]>`
      select entry, state, seq, events
      from colloquy.sync_attempts(p_entries => ${asJson(sql, entries)}, p_lease_ms => ${leaseMs})`,
    'others',
  )
