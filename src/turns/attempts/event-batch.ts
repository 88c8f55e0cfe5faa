import type { TurnEvent } from '../events.js'
import type { AttemptLog } from './attempt-log.js'

/** How much of an attempt's log is stored. */
export interface StoredPart {
  attemptLog: AttemptLog
  /** number of events known to be stored */
  stored: number
  /** number of events stored once the last batch is confirmed; an unconfirmed batch is sent again unchanged */
  sent: number
}

/** Limits for a batch, in characters: per turn and per tick. The rest is sent with the next tick. */
export const maxTurnBatch = 65_536
export const maxTickBatch = 1_048_576

const lengthOf = (event: TurnEvent): number =>
  event.type === 'text-delta' ? event.delta.length : JSON.stringify(event).length

/** Selects the entry's next batch: about `room` characters, and at least one event if there is any. Returns its size. */
export const nextBatch = (entry: StoredPart, room: number): number => {
  const { events } = entry.attemptLog
  let size = 0
  for (entry.sent = entry.stored; entry.sent < events.length && size < room; entry.sent += 1) {
    size += lengthOf(events[entry.sent] as TurnEvent)
  }
  return size
}
