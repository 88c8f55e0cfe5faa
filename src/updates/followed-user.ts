import { type Change, toChanges, type UpdateEvent } from './changes.js'
import { encodePosition, type Position } from './position.js'
import type { ReadEntry, UpdateRow } from './read-updates.js'

export interface UpdateFrame {
  id: string
  event: UpdateEvent
}

/** How long a change may be read again: longer than read_updates.sql looks back. */
const forgetMs = 60_000
/** An import changes the epoch again and again. */
const resetEveryMs = 1_000

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
  /** the keys of the changes that were told, and when they were last read */
  const told = new Map<string, number>()
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
      const isFresh = !told.has(key)
      told.set(key, now)
      return isFresh
    })
    for (const [key, at] of told) if (now - at > forgetMs) told.delete(key)
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
      const fresh = note(rows, toChanges(rows))
      const epoch = epochOf(rows)
      const isReset = epoch !== before.epoch || isOverflow(rows)
      if (isReset && performance.now() - resetAt < resetEveryMs) {
        // Until then nobody goes on from a position after the one that needs it.
        return toFrames(
          userId,
          fresh.map(({ event }) => event),
          before,
          before,
        )
      }
      if (isReset) resetAt = performance.now()
      position = { epoch, at }
      const events = fresh.map(({ event }) => event)
      return toFrames(userId, isReset ? [{ type: 'reset' }, ...events] : events, before, position)
    },
  }
}

export type FollowedUser = ReturnType<typeof createFollowedUser>
