import { encodeEvents } from '../store/event-encoding.js'
import type { SyncEntry } from '../store/sync-attempts.js'
import type { AttemptLog } from './attempt-log.js'
import type { StoredPart } from './event-batch.js'

/** To a local attempt: `cancel`, the user requested it; `lost`, it was ended, deleted or taken over elsewhere. */
export type AttemptSignal = 'cancel' | 'lost'

export interface LocalEntry extends StoredPart {
  runs: true
  userId: string
  onSignal: (signal: AttemptSignal) => void
}

export interface RemoteEntry {
  runs: false
  userId: string
  turnId: string
  /** receives the events; undefined when only the end matters */
  attemptLog: AttemptLog | undefined
  onEnded: () => void
  /** called when the lease turns out to be valid */
  onAlive?: () => void
  /** when the lease was first seen expired */
  lapsedAt?: number | undefined
  isInterrupting?: boolean
  /** when a tick last had an answer about it */
  seenAt?: number
}

export type Entry = LocalEntry | RemoteEntry

/** What the database is told of it at a tick. */
export const toSync = (entry: Entry): SyncEntry => {
  if (entry.runs) {
    const { attemptLog, stored, sent } = entry
    const { userId, turnId, attempt } = attemptLog.ids
    const events = sent > stored ? encodeEvents(attemptLog.events.slice(stored, sent)) : null
    return { user_id: userId, turn_id: turnId, runs: true, attempt, seq: stored, events }
  }
  const { userId, turnId, attemptLog } = entry
  const known = { attempt: attemptLog?.ids.attempt ?? null, seq: attemptLog?.events.length ?? null }
  return { user_id: userId, turn_id: turnId, runs: false, ...known, events: null }
}
