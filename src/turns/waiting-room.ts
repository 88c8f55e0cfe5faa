import type { InstanceLimits, LimitRefusal } from './limits.js'
import type { BeginTurn } from './store/begin-turns.js'
import type { TurnStore } from './store/turn-store.js'

/** Why a message may not wait: a limit of its user's, or this instance's. */
export type WaitRefusal = { outcome: 'limited'; refusal: LimitRefusal } | { outcome: 'overloaded' }

interface Seat {
  leave(): void
}

interface WaitingRoomOptions {
  store: Pick<TurnStore, 'waitMessage'>
  max: InstanceLimits['waitingMessages']
  /** how long a message waits at most */
  waitMs: number
}

/**
 * The requests of this instance that wait for a turn that they have not begun. A user's are counted here first, so that a
 * flood of them costs no statement, and then in the database with those on other instances.
 */
export const createWaitingRoom = ({ store, max, waitMs }: WaitingRoomOptions) => {
  /** by user */
  const waiting = new Map<string, number>()
  let total = 0

  const take = (userId: string): Seat => {
    let isTaken = true
    total += 1
    waiting.set(userId, (waiting.get(userId) ?? 0) + 1)
    return {
      leave() {
        if (!isTaken) return
        isTaken = false
        total -= 1
        const left = (waiting.get(userId) ?? 1) - 1
        if (left > 0) waiting.set(userId, left)
        else waiting.delete(userId)
      },
    }
  }

  const limited = (limit: number): WaitRefusal => ({
    outcome: 'limited',
    refusal: { limit: 'waiting-messages', max: limit, reset_s: null, lapsed: [] },
  })

  return {
    count: (): number => total,

    /** Counts a request that waits for its key's turn, on this instance alone: it begins nothing. Undefined when there is no room. */
    attach: (userId: string): Seat | undefined => (total < max ? take(userId) : undefined),

    /** Counts a message until it leaves. Rejects when the database does. */
    async enter({ userId, turnId, limits }: BeginTurn): Promise<Seat | WaitRefusal> {
      if (total >= max) return { outcome: 'overloaded' }
      if (limits && (waiting.get(userId) ?? 0) >= limits.waitingMessages)
        return limited(limits.waitingMessages)
      const seat = take(userId)
      if (!limits) return seat
      try {
        const { outcome } = await store.waitMessage({
          userId,
          turnId,
          waitMs,
          waitingMessages: limits.waitingMessages,
        })
        if (outcome === 'waiting') return seat
      } catch (error) {
        seat.leave()
        throw error
      }
      seat.leave()
      return limited(limits.waitingMessages)
    },
  }
}

export type WaitingRoom = ReturnType<typeof createWaitingRoom>
