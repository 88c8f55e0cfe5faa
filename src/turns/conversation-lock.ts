import { setTimeout as delay } from 'node:timers/promises'
import type { Deadline } from '../concurrency/deadline.js'
import { createKeyedMutex } from '../concurrency/keyed-mutex.js'
import type { BeginTurn, Begun } from './store/begin-turns.js'
import type { WaitingRoom, WaitRefusal } from './waiting-room.js'

interface ConversationLockOptions {
  begin(turn: BeginTurn): Promise<Begun | WaitRefusal>
  /** Counts the message while it waits. */
  enter: WaitingRoom['enter']
  runsHere(userId: string, turnId: string): boolean
  /** Resolves when the turn has ended, on any instance, or the signal aborts. */
  untilEnded(userId: string, turnId: string, signal: AbortSignal): Promise<void>
  /** The same for a turn whose lease has expired; also resolves when the lease was renewed. */
  untilEndedOrRenewed(userId: string, turnId: string, signal: AbortSignal): Promise<void>
  /** Watches a turn with an expired lease until it is interrupted or renewed, even if the message stops waiting. */
  watchLapsed(userId: string, turnId: string): void
}

type Outcome = Begun | WaitRefusal
type Running = Extract<Begun, { outcome: 'busy' | 'attached' }>

const isLapsed = (begun: Outcome): begun is Running => 'is_lapsed' in begun && begun.is_lapsed

/** The turn that blocks a begin: another turn of the conversation, or the key's own turn on an instance that may be dead. */
const blockingTurnId = (begun: Outcome): string | undefined =>
  begun.outcome === 'busy' || (begun.outcome === 'attached' && isLapsed(begun)) ? begun.turn_id : undefined

/** How soon a message that waits anyway asks again for room on its instance. */
const overloadPauseMs = 50

/**
 * Waits for a busy conversation. This instance's waiters are served in order, and only the first one polls the database.
 * At the deadline the last outcome is returned. A message that finds as many waiting as may is refused at once.
 */
export const createConversationLock = (options: ConversationLockOptions) => {
  const mutex = createKeyedMutex()

  const begin = async (turn: BeginTurn): Promise<Outcome> => {
    const begun = await options.begin(turn)
    if (!isLapsed(begun)) return begun
    // After a database outage this instance's own leases have expired, too.
    if (options.runsHere(turn.userId, begun.turn_id)) return { ...begun, is_lapsed: false }
    options.watchLapsed(turn.userId, begun.turn_id)
    return begun
  }

  return async (turn: BeginTurn, deadline: Deadline): Promise<Outcome> => {
    const { userId, conversationId, isNewConversation, idempotency } = turn
    const key = `${userId} ${conversationId}`
    if (isNewConversation || idempotency || mutex.isFree(key)) {
      const begun = await begin(turn)
      if (blockingTurnId(begun) === undefined) return begun
    }
    const seat = await options.enter(turn)
    if ('outcome' in seat) return seat
    const release = await mutex.acquire(key, deadline.signal()).catch(() => undefined)
    try {
      for (;;) {
        const begun = await begin({ ...turn, hasWaited: true })
        const turnId = blockingTurnId(begun)
        if (begun.outcome === 'overloaded' && !deadline.signal().aborted) {
          await delay(overloadPauseMs, undefined, { signal: deadline.signal() }).catch(() => {})
          continue
        }
        if (turnId === undefined || deadline.signal().aborted) return begun
        const until = isLapsed(begun) ? options.untilEndedOrRenewed : options.untilEnded
        await until(userId, turnId, deadline.signal())
      }
    } finally {
      release?.()
      seat.leave()
    }
  }
}
