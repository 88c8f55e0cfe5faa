import type { TurnEvent } from '../events.js'

/** Events as they are stored: a piece of the text is a string, any other event is as it is. */
export type StoredEvents = (string | TurnEvent)[]

export const encodeEvents = (events: readonly TurnEvent[]): StoredEvents =>
  events.map((event) => (event.type === 'text-delta' ? event.delta : event))

export const decodeEvents = (stored: StoredEvents): TurnEvent[] =>
  stored.map((event) => (typeof event === 'string' ? { type: 'text-delta', delta: event } : event))
