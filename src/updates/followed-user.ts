import { type Change, toChanges, type UpdateEvent } from './changes.js'
import { encodePosition, isUnbroken, type Position } from './position.js'
import type { ReadEntry, UpdateRow } from './read-updates.js'

export interface UpdateFrame {
  id: string
  event: UpdateEvent
}

/** How long a change may be read again: longer than read_updates.sql looks back. */
const forgetMs = 5 * 60_000
/** An import changes the epoch again and again. */
const breakEveryMs = 1_000
/** An overflow lasts for as long as read_updates.sql looks back. The newest changes are told all the while. */
const overflowEveryMs = 10_000

/**
 * The frames of these events. Only the last one has the new position: who has only some of them gets all of them again.
 */
export const toFrames = (
  userId: string,
  events: readonly UpdateEvent[],
  before: Position,
  after: Position,
): UpdateFrame[] =>
  events.map((event, n) => ({
    id: encodePosition(userId, n === events.length - 1 ? after : before),
    event,
  }))

/** What the rows of a user say besides the changes. */
export const epochOf = (rows: readonly UpdateRow[]): string | null =>
  rows.find(({ type }) => type === 'epoch')?.at ?? null
export const isOverflow = (rows: readonly UpdateRow[]): boolean =>
  rows.some(({ type }) => type === 'overflow')

/** What an instance knows of a user who is followed on it, once for all who do. */
export const createFollowedUser = (userId: string) => {
  let position: Position | undefined
  /** turns that are known to run */
  const running = new Set<string>()
  /** the keys of the changes that were delivered, and when they were last read */
  const delivered = new Map<string, number>()
  let resetAt = Number.NEGATIVE_INFINITY

  const note = (rows: readonly UpdateRow[], changes: readonly Change[]): Change[] => {
    const now = performance.now()
    for (const { type, turn_id } of rows) {
      if (type === 'running' || type === 'turn-started') running.add(String(turn_id))
    }
    for (const { type, turn_id } of rows) {
      if (type === 'turn-ended' || type === 'gone') running.delete(String(turn_id))
    }
    const fresh = changes.filter(({ key }) => {
      const isFresh = !delivered.has(key)
      delivered.set(key, now)
      return isFresh
    })
    for (const [key, at] of delivered) if (now - at > forgetMs) delivered.delete(key)
    return fresh
  }

  return {
    get position() {
      return position
    },
    toEntry: (): ReadEntry => ({
      user_id: userId,
      since: position?.at ?? null,
      running: [...running],
      is_open: false,
    }),
    /** Begins with what was read when the first one followed. */
    begin(at: string, rows: readonly UpdateRow[]): void {
      position = { epoch: epochOf(rows), at }
      note(rows, toChanges(rows))
    },
    /** Goes on with what was read next. Gives the frames for those who follow. */
    advance(at: string, rows: readonly UpdateRow[]): UpdateFrame[] {
      const before = position as Position
      const after = { epoch: epochOf(rows), at }
      const events = note(rows, toChanges(rows)).map(({ event }) => event)
      const isBroken = !isUnbroken(before, after)
      if (!isBroken && !isOverflow(rows)) {
        position = after
        return toFrames(userId, events, before, after)
      }
      const now = performance.now()
      // Until then nobody goes on from a position after the one that needs it.
      if (now - resetAt < (isBroken ? breakEveryMs : overflowEveryMs))
        return toFrames(userId, events, before, before)
      resetAt = now
      position = after
      return toFrames(userId, [{ type: 'reset' }, ...events], before, after)
    },
  }
}

export type FollowedUser = ReturnType<typeof createFollowedUser>
