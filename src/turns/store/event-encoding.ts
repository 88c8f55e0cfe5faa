import type { TurnEvent } from '../events.js'

/** Stored events: a text delta is stored as a string, any other event unchanged. */
export type StoredEvents = (string | TurnEvent)[]

export const encodeEvents = (events: readonly TurnEvent[]): StoredEvents =>
  events.map((event) => (event.type === 'text-delta' ? event.delta : event))

export const decodeEvents = (stored: StoredEvents): TurnEvent[] =>
  stored.map((event) => (typeof event === 'string' ? { type: 'text-delta', delta: event } : event))
