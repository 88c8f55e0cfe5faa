import { createGroupTicks } from '../concurrency/group-ticks.js'
import type { Database } from '../db/database.js'
import { type Metrics, noMetrics } from '../metrics/metrics.js'
import { toChanges } from './changes.js'
import {
  createFollowedUser,
  epochOf,
  type FollowedUser,
  isOverflow,
  toFrames,
  type UpdateFrame,
} from './followed-user.js'
import { createFollower, type Follower } from './follower.js'
import { canResume, decodePosition, encodePosition, type Position } from './position.js'
import { readUpdates } from './read-updates.js'

interface UpdatesOptions {
  db: Database
  /** interrupts a turn whose instance is dead */
  watchLapsed(userId: string, turnId: string): void
  /** how long a stream may be silent */
  heartbeatMs: number
  log: { warn(fields: object, text: string): void }
  metrics?: Metrics | undefined
  /** A change is told within this time and that of a statement. */
  tickMs?: number
}

/** How many streams a user may have open on an instance: they need no turn and last, so one user could take all there are. */
export const maxStreamsOfUser = 20

/** How often it is looked whether a stream has been silent for long, or has lasted for long enough. */
const maxLookMs = 1_000

/** What one reader takes, batch by batch; see createFollower. */
export interface UpdateStream extends Pick<Follower, 'attach' | 'take'> {
  /** Nobody reads it any more. */
  leave(): void
}

export interface Updates {
  /**
   * Begins to follow a user's changes, from now or from the event `after` on, for so long at most. Undefined when the user has as many
   * streams as may be.
   */
  open(userId: string, after: string | undefined, maxDurationMs: number): Promise<UpdateStream | undefined>
  /** Ends all streams: their readers go on at another instance. */
  close(): void
}

interface Entry {
  userId: string
  user: FollowedUser
  followers: Set<Follower>
  /** resolves when its first read has succeeded */
  begun: Promise<void>
}

/**
 * What changes in users' conversations, for those who follow it on this instance: one statement per tick for all of them, or for
 * those on each node of a distributed database, and none while there are none. Notes of changes are pruned with the
 * Idempotency-Keys (keepPruned in src/turns/retention.ts).
 */
export const createUpdates = ({
  db,
  watchLapsed,
  heartbeatMs,
  log,
  tickMs = 400,
  metrics = noMetrics,
}: UpdatesOptions): Updates => {
  const entries = new Map<string, Entry>()
  const lookMs = Math.min(maxLookMs, heartbeatMs / 4)
  // One for all of them, without which ten thousand streams have twenty thousand timers.
  const looking = setInterval(() => {
    const now = performance.now()
    for (const { followers } of entries.values()) for (const follower of followers) follower.look(now)
  }, lookMs).unref()
  let isClosed = false

  /** Gives how many changes were told. */
  const read = async (users: readonly Entry[]): Promise<number> => {
    let asked = users
    let told = 0
    // More than one statement where users have so much to read that others would wait for too long.
    while (asked.length > 0 && !isClosed) {
      const { at, rows } = await readUpdates(
        db,
        asked.map(({ user }) => user.toEntry()),
      )
      for (const [n, { userId, user, followers }] of asked.entries()) {
        const mine = rows[n]
        if (!mine) continue
        for (const { type, turn_id } of mine) if (type === 'lapsed') watchLapsed(userId, String(turn_id))
        const frames = user.advance(at, mine)
        if (frames.length > 0) for (const follower of followers) follower.push(frames)
        told += frames.length
      }
      asked = asked.filter((_, n) => !rows[n])
    }
    return told
  }

  const ticks = createGroupTicks<Entry>({
    items: () => entries.values(),
    groupOf: ({ userId }) => db.nodeOf(userId),
    isReady: ({ user }) => user.position !== undefined,
    tickMs,
    work: read,
    onFailed(err, _, isFirst) {
      // The next tick makes up for it. An outage is logged once.
      if (isFirst) log.warn({ err }, 'changes of followed users could not be read')
    },
    watch: () => metrics.tick('updates', tickMs),
  })

  const leave = (userId: string, entry: Entry, follower: Follower): void => {
    entry.followers.delete(follower)
    if (entry.followers.size === 0 && entries.get(userId) === entry) entries.delete(userId)
  }

  const readOne = async (userId: string, since: string | null) => {
    const { at, rows } = await readUpdates(db, [{ user_id: userId, since, running: [], is_open: true }])
    return { at, rows: rows[0] ?? [] }
  }

  const begin = (userId: string): Entry => {
    const user = createFollowedUser(userId)
    const begun = readOne(userId, null).then(({ at, rows }) => user.begin(at, rows))
    return { userId, user, followers: new Set(), begun }
  }

  const enter = (userId: string, follower: Follower): Entry => {
    const entry = entries.get(userId) ?? begin(userId)
    entry.followers.add(follower)
    entries.set(userId, entry)
    ticks.begin(entry)
    return entry
  }

  /** The first frames of a stream that goes on after a position, or cannot. */
  const catchUp = async (userId: string, position: Position | undefined): Promise<UpdateFrame[]> => {
    const { at, rows } = await readOne(userId, position?.at ?? null)
    const now = { epoch: epochOf(rows), at }
    if (!position || !canResume(position, now) || isOverflow(rows)) {
      return toFrames(userId, [{ type: 'reset' }], now, now)
    }
    const events = toChanges(rows).map(({ event }) => event)
    return toFrames(userId, [{ type: 'ready' }, ...events], position, now)
  }

  return {
    async open(userId, after, maxDurationMs) {
      if ((entries.get(userId)?.followers.size ?? 0) >= maxStreamsOfUser) return undefined
      const follower = createFollower(heartbeatMs, lookMs)
      if (isClosed) follower.end()
      const entry = enter(userId, follower)
      try {
        await entry.begun
        const first =
          after === undefined
            ? [
                {
                  id: encodePosition(userId, entry.user.position as Position),
                  event: { type: 'ready' as const },
                },
              ]
            : await catchUp(userId, decodePosition(userId, after))
        follower.begin(first, maxDurationMs)
        return {
          attach: follower.attach,
          take: follower.take,
          leave: () => leave(userId, entry, follower),
        }
      } catch (error) {
        leave(userId, entry, follower)
        throw error
      }
    },
    close() {
      isClosed = true
      ticks.stop()
      clearInterval(looking)
      for (const { followers } of entries.values()) for (const follower of followers) follower.end()
    },
  }
}
