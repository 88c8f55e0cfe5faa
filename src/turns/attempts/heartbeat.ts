import type { TurnEvent } from '../events.js'
import { decodeEvents, encodeEvents } from '../store/event-encoding.js'
import type { SyncEntry, SyncRow } from '../store/sync-attempts.js'
import type { TurnStore } from '../store/turn-store.js'
import { turnKey } from '../types.js'
import type { AttemptLog } from './attempt-log.js'

/** Of a turn that runs here: `cancel`, somebody asked for it; `lost`, it was ended, deleted or taken over. */
export type AttemptSignal = 'cancel' | 'lost'

interface LocalEntry {
  runs: true
  attemptLog: AttemptLog
  /** how many of the log's events are stored */
  stored: number
  /** how many will be when the last batch is known to be there; a batch whose answer was lost is sent again as it was */
  sent: number
  onSignal: (signal: AttemptSignal) => void
}

interface RemoteEntry {
  runs: false
  userId: string
  turnId: string
  /** gets the events; undefined when only the end matters */
  attemptLog: AttemptLog | undefined
  onEnded: () => void
  /** told when the lease has not run out, after all */
  onAlive?: () => void
  /** since when the lease is known to have run out */
  lapsedAt?: number | undefined
  isInterrupting?: boolean
}

type Entry = LocalEntry | RemoteEntry

/** An attempt whose lease is kept. */
export interface LeaseHold {
  /** whether any of its events may be stored */
  hasEvents(): boolean
  release(): void
}

export interface Heartbeat {
  /** Stores the attempt's events and keeps its lease until it is released; tells what has to be acted on. */
  hold(attemptLog: AttemptLog, onSignal: (signal: AttemptSignal) => void): LeaseHold
  /** Appends the events of an attempt that runs on another instance, until the returned function is called. */
  follow(attemptLog: AttemptLog, onEnded: () => void): () => void
  /** Sees to a turn whose lease was found to have run out, however long those wait who found it; until `stop` aborts. */
  watchLapsed(userId: string, turnId: string, stop: AbortSignal): void
  /** Resolves when the turn has ended, on whatever instance; rejects with the signal's reason. */
  untilEnded(userId: string, turnId: string, signal: AbortSignal): Promise<void>
  /** The same for a turn whose lease has run out: also resolves when that was renewed, since its instance lives. */
  untilEndedOrRenewed(userId: string, turnId: string, signal: AbortSignal): Promise<void>
}

export interface HeartbeatOptions {
  store: Pick<TurnStore, 'syncAttempts' | 'interruptTurn'>
  leaseMs: number
  log: { warn(fields: object, text: string): void }
  tickMs?: number
}

/** A batch's bounds, in characters: of one turn, and of a tick. The rest goes with the next tick. */
const maxTurnBatch = 65_536
const maxTickBatch = 1_048_576
/**
 * How long a lease has to be seen run out before its turn is interrupted. After the database was away all leases have
 * run out, and then the instances that live renew theirs within a tick.
 */
const lapseMs = 1_000
/** When nothing was seen for longer than this, what was seen before counts no more: the database was away, or this process. */
const blindMs = lapseMs / 2

const lengthOf = (event: TurnEvent): number =>
  event.type === 'text-delta' ? event.delta.length : JSON.stringify(event).length

/** Takes the entry's next batch, of about `room` characters; at least one event, where there is any. Gives what it took. */
const nextBatch = (entry: LocalEntry, room: number): number => {
  const { events } = entry.attemptLog
  let size = 0
  for (entry.sent = entry.stored; entry.sent < events.length && size < room; entry.sent += 1) {
    size += lengthOf(events[entry.sent] as TurnEvent)
  }
  return size
}

/**
 * The tick of an instance: one statement for all the turns that it runs or follows. It comes only while there are any, so
 * a turn that ends before the first tick costs none.
 */
export const createHeartbeat = ({ store, leaseMs, log, tickMs = 120 }: HeartbeatOptions): Heartbeat => {
  const entries = new Set<Entry>()
  const watched = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let seenAt = Number.NEGATIVE_INFINITY

  /** Interrupts a turn whose instance has not been heard of for long enough. No other turn waits for it. */
  const interruptLapsed = (entry: RemoteEntry): void => {
    const now = performance.now()
    entry.lapsedAt ??= now
    if (now - entry.lapsedAt < lapseMs || entry.isInterrupting) return
    const { userId, turnId } = entry
    entry.lapsedAt = undefined
    entry.isInterrupting = true
    store
      .interruptTurn(userId, turnId)
      .catch((err: unknown) => log.warn({ turn_id: turnId, err }, 'a lapsed turn could not be interrupted'))
      .finally(() => {
        entry.isInterrupting = false
      })
  }

  const toSync = (entry: Entry): SyncEntry => {
    if (entry.runs) {
      const { attemptLog, stored, sent } = entry
      const { userId, turnId, attempt } = attemptLog.ids
      const events = sent > stored ? encodeEvents(attemptLog.events.slice(stored, sent)) : null
      return { user_id: userId, turn_id: turnId, runs: true, attempt, seq: stored, events }
    }
    const { userId, turnId, attemptLog } = entry
    const attempt = attemptLog?.ids.attempt ?? null
    return {
      user_id: userId,
      turn_id: turnId,
      runs: false,
      attempt,
      seq: attemptLog?.events.length ?? null,
      events: null,
    }
  }

  const onLocalRow = (entry: LocalEntry, { state }: SyncRow, locked: Set<Entry>): void => {
    if (state === 'locked') locked.add(entry)
    if (state === 'cancel' || state === 'lost') entry.onSignal(state)
  }

  const onRemoteRow = (entry: RemoteEntry, { state, seq, events }: SyncRow, lapsed: Set<Entry>): void => {
    const { attemptLog } = entry
    if (state === 'events' && seq === attemptLog?.events.length) attemptLog.append(...decodeEvents(events))
    if (state === 'ended') entry.onEnded()
    if (state === 'lapsed') {
      lapsed.add(entry)
      interruptLapsed(entry)
    }
  }

  const tick = async (): Promise<void> => {
    const asked = [...entries]
    let room = maxTickBatch
    for (const entry of asked) {
      if (entry.runs && entry.sent === entry.stored) room -= nextBatch(entry, Math.min(room, maxTurnBatch))
    }
    const rows = await store.syncAttempts(asked.map(toSync), leaseMs)
    const now = performance.now()
    if (now - seenAt > blindMs) {
      for (const entry of asked) if (!entry.runs) entry.lapsedAt = undefined
    }
    seenAt = now
    const locked = new Set<Entry>()
    const lapsed = new Set<Entry>()
    for (const row of rows) {
      const entry = asked[row.entry - 1] as Entry
      if (entry.runs) onLocalRow(entry, row, locked)
      else onRemoteRow(entry, row, lapsed)
    }
    for (const entry of asked) {
      if (entry.runs) {
        if (!locked.has(entry)) entry.stored = entry.sent
      } else if (!lapsed.has(entry)) {
        entry.lapsedAt = undefined
        entry.onAlive?.()
      }
    }
  }

  const schedule = (): void => {
    if (timer || entries.size === 0) return
    timer = setTimeout(async () => {
      if (entries.size > 0) {
        // A missed tick is made up for by the next; the leases outlast many.
        await tick().catch((err: unknown) => {
          seenAt = Number.NEGATIVE_INFINITY
          log.warn({ err }, 'a tick failed')
        })
      }
      timer = undefined
      schedule()
    }, tickMs)
  }

  const add = (entry: Entry): (() => void) => {
    entries.add(entry)
    schedule()
    return () => entries.delete(entry)
  }

  const until = (ids: Pick<RemoteEntry, 'userId' | 'turnId'>, signal: AbortSignal, orAlive: boolean) =>
    new Promise<void>((resolve, reject) => {
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
      const onAlive = orAlive ? onEnded : undefined
      const remove = add({ runs: false, ...ids, attemptLog: undefined, onEnded, ...(onAlive && { onAlive }) })
      signal.addEventListener('abort', onAbort, { once: true })
    })

  return {
    hold(attemptLog, onSignal) {
      const entry: LocalEntry = { runs: true, attemptLog, stored: 0, sent: 0, onSignal }
      return { hasEvents: () => entry.sent > 0, release: add(entry) }
    },
    follow(attemptLog, onEnded) {
      const { userId, turnId } = attemptLog.ids
      return add({ runs: false, userId, turnId, attemptLog, onEnded })
    },
    watchLapsed(userId, turnId, stop) {
      const key = turnKey(userId, turnId)
      if (watched.has(key) || stop.aborted) return
      watched.add(key)
      const forget = () => {
        remove()
        watched.delete(key)
        stop.removeEventListener('abort', forget)
      }
      stop.addEventListener('abort', forget, { once: true })
      const remove = add({
        runs: false,
        userId,
        turnId,
        attemptLog: undefined,
        onEnded: forget,
        onAlive: forget,
      })
    },
    untilEnded: (userId, turnId, signal) => until({ userId, turnId }, signal, false),
    untilEndedOrRenewed: (userId, turnId, signal) => until({ userId, turnId }, signal, true),
  }
}
