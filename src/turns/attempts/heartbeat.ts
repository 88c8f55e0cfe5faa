import { createGroupTicks } from '../../concurrency/group-ticks.js'
import { type Metrics, noMetrics } from '../../metrics/metrics.js'
import { decodeEvents } from '../store/event-encoding.js'
import type { SyncRow } from '../store/sync-attempts.js'
import type { TurnStore } from '../store/turn-store.js'
import { turnKey } from '../types.js'
import type { AttemptLog } from './attempt-log.js'
import { maxTickBatch, maxTurnBatch, nextBatch } from './event-batch.js'
import {
  type AttemptSignal,
  type Entry,
  type LocalEntry,
  type RemoteEntry,
  toSync,
} from './heartbeat-entries.js'

/** A lease that the heartbeat renews. */
interface LeaseHold {
  /** whether any of the attempt's events may be stored */
  hasEvents(): boolean
  release(): void
}

export interface Heartbeat {
  /** Stores the attempt's events and renews its lease until it is released. Reports what the attempt must react to. */
  hold(attemptLog: AttemptLog, onSignal: (signal: AttemptSignal) => void): LeaseHold
  /** Appends the events of an attempt that runs on another instance, until the returned function is called. */
  follow(attemptLog: AttemptLog, onEnded: () => void): () => void
  /** Watches a turn with an expired lease until it has ended or was renewed, or `stop` aborts. */
  watchLapsed(userId: string, turnId: string, stop: AbortSignal): void
  /** Resolves when the turn has ended, on any instance. Rejects with the signal's reason. */
  untilEnded(userId: string, turnId: string, signal: AbortSignal): Promise<void>
  /** The same for a turn whose lease has expired: also resolves when the lease was renewed, so its instance is alive. */
  untilEndedOrRenewed(userId: string, turnId: string, signal: AbortSignal): Promise<void>
}

interface HeartbeatOptions {
  store: Pick<TurnStore, 'syncAttempts' | 'interruptTurn'>
  leaseMs: number
  /** whose turns share a statement; default: everybody's */
  groupOf?: (userId: string) => string
  log: { warn(fields: object, text: string): void }
  /** runs work apart from the trace of the turn that happens to begin it */
  detached?: ((work: () => void) => void) | undefined
  tickMs?: number
  metrics?: Metrics | undefined
}

/**
 * How long a lease has to be seen expired before its turn is interrupted. After a database outage all leases have expired,
 * and the living instances renew theirs within a tick.
 */
const lapseMs = 1_000
/** After a longer gap between a turn's ticks, earlier observations are void: the database was away or this process was paused. */
const blindMs = lapseMs / 2

/**
 * The heartbeat of an instance: one statement per tick for all turns that it runs or follows, or for those of each group of users.
 * It ticks only while there are any, so a turn that ends before the first tick costs nothing.
 */
export const createHeartbeat = (options: HeartbeatOptions): Heartbeat => {
  const { store, leaseMs, log, detached = (work) => work(), tickMs = 120, metrics = noMetrics } = options
  const { groupOf = () => '' } = options
  const entries = new Set<Entry>()
  const watched = new Set<string>()

  /** Interrupts a turn whose lease has been expired for long enough, without blocking the tick. */
  const interruptLapsed = (entry: RemoteEntry): void => {
    const now = performance.now()
    entry.lapsedAt ??= now
    if (now - entry.lapsedAt < lapseMs || entry.isInterrupting) return
    const { userId, turnId } = entry
    entry.lapsedAt = undefined
    entry.isInterrupting = true
    store
      .interruptTurn(userId, turnId)
      .catch((err: unknown) =>
        log.warn({ turn_id: turnId, err }, 'a turn with an expired lease could not be interrupted'),
      )
      .finally(() => {
        entry.isInterrupting = false
      })
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

  /** Gives how many events were stored. */
  const sync = async (asked: readonly Entry[]): Promise<number> => {
    let room = maxTickBatch
    for (const entry of asked) {
      if (entry.runs && entry.sent === entry.stored) room -= nextBatch(entry, Math.min(room, maxTurnBatch))
    }
    const rows = await store.syncAttempts(asked.map(toSync), leaseMs)
    const now = performance.now()
    for (const entry of asked) {
      if (entry.runs) continue
      if (now - (entry.seenAt ?? now) > blindMs) entry.lapsedAt = undefined
      entry.seenAt = now
    }
    const [locked, lapsed] = [new Set<Entry>(), new Set<Entry>()]
    for (const row of rows) {
      const entry = asked[row.entry - 1] as Entry
      if (entry.runs) onLocalRow(entry, row, locked)
      else onRemoteRow(entry, row, lapsed)
    }
    let stored = 0
    for (const entry of asked) {
      if (entry.runs) {
        if (locked.has(entry)) continue
        stored += entry.sent - entry.stored
        entry.stored = entry.sent
      } else if (!lapsed.has(entry)) {
        entry.lapsedAt = undefined
        entry.onAlive?.()
      }
    }
    return stored
  }

  const ticks = createGroupTicks<Entry>({
    items: () => entries,
    groupOf: ({ userId }) => groupOf(userId),
    tickMs,
    work: sync,
    onFailed(err, asked) {
      // The next tick makes up for a failed one; a lease outlasts many ticks.
      for (const entry of asked) if (!entry.runs) entry.lapsedAt = undefined
      log.warn({ err }, 'the heartbeat failed')
    },
    watch: () => metrics.tick('turns', tickMs),
  })

  const add = (entry: Entry): (() => void) => {
    entries.add(entry)
    detached(() => ticks.begin(entry))
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
      const entry: LocalEntry = {
        runs: true,
        userId: attemptLog.ids.userId,
        attemptLog,
        stored: 0,
        sent: 0,
        onSignal,
      }
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
        onEnded: () => {
          metrics.leaseExpired()
          forget()
        },
        onAlive: forget,
      })
    },
    untilEnded: (userId, turnId, signal) => until({ userId, turnId }, signal, false),
    untilEndedOrRenewed: (userId, turnId, signal) => until({ userId, turnId }, signal, true),
  }
}
