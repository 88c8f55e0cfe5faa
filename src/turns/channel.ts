import type { TurnIds } from './begin.js'
import type { TurnEvent } from './fold.js'
import type { StoredOutcome } from './outcome.js'

/** What became of an attempt. Only `ended` says that its end is stored. */
export type TurnEnd =
  | { kind: 'ended'; outcome: StoredOutcome }
  /** the end could not be stored, or this instance stops following: the truth is to be asked for again */
  | { kind: 'not-stored' | 'handed-over' }
  /** another attempt of the turn has begun */
  | { kind: 'superseded' }
  /** the turn was deleted, with its conversation */
  | { kind: 'not-found' }

/** A turn's name in the memory of an instance. */
export const turnName = (userId: string, turnId: string): string => `${userId} ${turnId}`

export interface AttemptIds extends TurnIds {
  userId: string
  attempt: number
}

/** What an attempt has said so far, once per instance, for any number of readers that each go at their own pace. */
export interface Channel {
  readonly ids: AttemptIds
  readonly events: readonly TurnEvent[]
  /** undefined while the attempt runs */
  readonly end: TurnEnd | undefined
  /** never rejects */
  readonly ended: Promise<TurnEnd>
  push(...events: TurnEvent[]): void
  close(end: TurnEnd): void
  /** Calls `wake` soon after anything is said, and after the end, until the returned function is called. */
  listen(wake: () => void): () => void
}

export const createChannel = (ids: AttemptIds, known: readonly TurnEvent[] = []): Channel => {
  const events: TurnEvent[] = [...known]
  const listeners = new Set<() => void>()
  let end: TurnEnd | undefined
  let resolveEnded: (end: TurnEnd) => void
  const ended = new Promise<TurnEnd>((resolve) => {
    resolveEnded = resolve
  })
  let isWaking = false

  // All that is said in one turn of the event loop wakes a reader once.
  const wake = (): void => {
    if (isWaking || listeners.size === 0) return
    isWaking = true
    setImmediate(() => {
      isWaking = false
      for (const listener of listeners) listener()
    })
  }

  return {
    ids,
    events,
    get end() {
      return end
    },
    ended,
    push(...more) {
      events.push(...more)
      wake()
    },
    close(how) {
      end = how
      resolveEnded(how)
      wake()
    },
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
