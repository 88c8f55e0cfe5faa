import type { Database } from '../db/database.js'
import type { Channel } from './channel.js'
import type { TurnEvent } from './fold.js'

/** Of a turn that is run here: `cancel`, somebody asked for it; `lost`, it was ended, deleted or taken over. */
export type State = 'cancel' | 'lost'

interface Running {
  runs: true
  channel: Channel
  /** how many of the channel's events are stored */
  stored: number
  /** how many will be when the last batch is known to be there; a batch whose answer was lost is sent again as it was */
  sent: number
  onState: (state: State) => void
}

interface Followed {
  runs: false
  userId: string
  turnId: string
  /** gets the events; undefined when only the end matters */
  channel: Channel | undefined
  onEnded: () => void
  /** since when the lease is known to have run out */
  lapsedAt?: number | undefined
}

export interface Progress {
  /** Stores the attempt's events and keeps its lease until the returned function is called; tells what has to be acted on. */
  hold(channel: Channel, onState: (state: State) => void): () => void
  /** Fills a channel that another instance's attempt speaks on, until the returned function is called. */
  fill(channel: Channel, onEnded: () => void): () => void
  /** Resolves when the turn has ended, on whatever instance; rejects with the signal's reason. */
  untilEnded(userId: string, turnId: string, signal: AbortSignal): Promise<void>
}

export interface ProgressOptions {
  db: Database
  leaseMs: number
  log: { warn(fields: object, text: string): void }
  tickMs?: number
}

interface Row {
  /** the number of the entry that it is for, from 1 on */
  entry: number
  state: State | 'events' | 'lapsed' | 'ended'
  seq: number
  events: StoredEvents
}

/** A piece of the text is stored as a string, any other event as it is. */
export type StoredEvents = (string | TurnEvent)[]

const toStored = (event: TurnEvent): string | TurnEvent => (event.type === 'text-delta' ? event.delta : event)
export const fromStored = (events: StoredEvents): TurnEvent[] =>
  events.map((event) => (typeof event === 'string' ? { type: 'text-delta', delta: event } : event))

/** A batch's bounds, in characters: of one turn, and of a tick. The rest goes with the next tick. */
const maxTurnBatch = 65_536
const maxTickBatch = 1_048_576
/**
 * How long a lease has to be seen run out. After the database was away all have, and then the instances that live
 * renew theirs within a tick.
 */
const lapsedMs = 1_000

/** Up to which event a batch goes that takes about this many characters; at least one, where there is any. */
const batchEnd = ({ channel, stored }: Running, room: number): number => {
  const { events } = channel
  let end = stored
  for (let size = 0; end < events.length && size < room; end += 1) {
    const event = events[end] as TurnEvent
    size += event.type === 'text-delta' ? event.delta.length : JSON.stringify(event).length
  }
  return end
}

/**
 * The tick of an instance: one statement for all its running and followed turns together. It comes only while there
 * are any, so a turn that ends before the first tick costs none.
 */
export const createProgress = ({ db, leaseMs, log, tickMs = 120 }: ProgressOptions): Progress => {
  const entries = new Set<Running | Followed>()
  let timer: NodeJS.Timeout | undefined

  const idsOf = (entry: Running | Followed) =>
    entry.runs ? entry.channel.ids : { userId: entry.userId, turnId: entry.turnId }

  /** Interrupts a turn whose instance has not been heard of for long enough. */
  const close = async (entry: Followed): Promise<void> => {
    const now = performance.now()
    entry.lapsedAt ??= now
    if (now - entry.lapsedAt < lapsedMs) return
    entry.lapsedAt = undefined
    const { userId, turnId } = entry
    await db.statement((sql) => sql`select colloquy.interrupt_lapsed_turn(${userId}, ${turnId})`)
  }

  const tick = async (): Promise<void> => {
    const asked = [...entries]
    let room = maxTickBatch
    const batches = asked.map((entry) => {
      if (!entry.runs) return null
      if (entry.sent === entry.stored) entry.sent = batchEnd(entry, Math.min(room, maxTurnBatch))
      if (entry.sent === entry.stored) return null
      const batch = JSON.stringify(entry.channel.events.slice(entry.stored, entry.sent).map(toStored))
      room -= batch.length
      return batch
    })
    const rows = await db.statement(
      (sql) => sql<Row[]>`
        select entry, state, seq, events
        from colloquy.sync_attempts(
          ${asked.map((entry) => idsOf(entry).userId)}::text[],
          ${asked.map((entry) => idsOf(entry).turnId)}::uuid[],
          ${asked.map(({ runs }) => String(runs))}::boolean[],
          ${asked.map(({ channel }) => channel?.ids.attempt ?? null)}::integer[],
          ${asked.map((entry) => (entry.runs ? entry.stored : (entry.channel?.events.length ?? null)))}::integer[],
          ${batches}::text[],
          ${leaseMs})`,
      'others',
    )
    for (const entry of asked) if (entry.runs) entry.stored = entry.sent
    const lapsed = new Set<Followed>()
    for (const { entry: number, state, seq, events } of rows) {
      const entry = asked[number - 1]
      if (entry?.runs && (state === 'cancel' || state === 'lost')) entry.onState(state)
      if (!entry || entry.runs) continue
      if (state === 'events' && seq === entry.channel?.events.length)
        entry.channel.push(...fromStored(events))
      if (state === 'ended') entry.onEnded()
      if (state === 'lapsed') lapsed.add(entry)
    }
    for (const entry of asked) if (!entry.runs && !lapsed.has(entry)) entry.lapsedAt = undefined
    await Promise.all([...lapsed].map(close))
  }

  const schedule = (): void => {
    if (timer || entries.size === 0) return
    timer = setTimeout(async () => {
      if (entries.size > 0) {
        // A missed tick is made up for by the next; the leases outlast many.
        await tick().catch((err: unknown) => log.warn({ err }, 'a tick failed'))
      }
      timer = undefined
      schedule()
    }, tickMs)
  }

  const add = (entry: Running | Followed): (() => void) => {
    entries.add(entry)
    schedule()
    return () => entries.delete(entry)
  }

  return {
    hold: (channel, onState) => add({ runs: true, channel, stored: 0, sent: 0, onState }),
    fill: (channel, onEnded) => {
      const { userId, turnId } = channel.ids
      return add({ runs: false, userId, turnId, channel, onEnded })
    },
    untilEnded: (userId, turnId, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted()
        const onAbort = () => {
          remove()
          reject(signal.reason)
        }
        const onEnded = () => {
          remove()
          signal.removeEventListener('abort', onAbort)
          resolve()
        }
        const remove = add({ runs: false, userId, turnId, channel: undefined, onEnded })
        signal.addEventListener('abort', onAbort, { once: true })
      }),
  }
}
