import type { Deadline } from '../concurrency/deadline.js'
import { createKeyedMutex } from '../concurrency/keyed-mutex.js'
import type { BeginTurn, Begun } from './store/begin-turns.js'

export interface ConversationLockOptions {
  begin(turn: BeginTurn): Promise<Begun>
  /** Resolves when the turn has ended, on whatever instance, or the signal aborts. */
  untilEnded(userId: string, turnId: string, signal: AbortSignal): Promise<void>
  /** Sees to a turn whose lease has run out, whether or not the message waits for long enough. */
  watchLapsed(userId: string, turnId: string): void
}

/** A turn that stands in the way: another one of the conversation, or the key's own, of an instance that may be dead. */
const blocking = (begun: Begun): string | undefined =>
  begun.outcome === 'busy' || (begun.outcome === 'attached' && begun.is_lapsed) ? begun.turn_id : undefined

/**
 * Where a message waits for a busy conversation: those that wait on this instance are served in order, and one of them
 * asks the database. Gives the last answer when the deadline is over.
 */
export const createConversationLock = (options: ConversationLockOptions) => {
  const mutex = createKeyedMutex()

  const begin = async (turn: BeginTurn): Promise<Begun> => {
    const begun = await options.begin(turn)
    if ('is_lapsed' in begun && begun.is_lapsed) options.watchLapsed(turn.userId, begun.turn_id)
    return begun
  }

  return async (turn: BeginTurn, deadline: Deadline): Promise<Begun> => {
    const { userId, conversationId, isNewConversation, idempotency } = turn
    const key = `${userId} ${conversationId}`
    if (isNewConversation || idempotency || mutex.isFree(key)) {
      const begun = await begin(turn)
      if (blocking(begun) === undefined) return begun
    }
    const release = await mutex.acquire(key, deadline.signal()).catch(() => undefined)
    try {
      for (;;) {
        const begun = await begin(turn)
        const turnId = blocking(begun)
        if (turnId === undefined || deadline.signal().aborted) return begun
        await options.untilEnded(userId, turnId, deadline.signal())
      }
    } finally {
      release?.()
    }
  }
}
