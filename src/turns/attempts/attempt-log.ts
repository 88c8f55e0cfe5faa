import type { TurnEvent } from '../events.js'
import type { AttemptIds, Fate } from '../types.js'

/** An attempt's events so far, held once per instance, for any number of readers at their own pace. */
export interface AttemptLog {
  readonly ids: AttemptIds
  readonly events: readonly TurnEvent[]
  /** undefined while the attempt runs */
  readonly fate: Fate | undefined
  /** never rejects */
  readonly ended: Promise<Fate>
  append(...events: TurnEvent[]): void
  close(fate: Fate): void
  /** Calls `wake` soon after new events and after the end, until the returned function is called. */
  listen(wake: () => void): () => void
}

export const createAttemptLog = (ids: AttemptIds, known: readonly TurnEvent[] = []): AttemptLog => {
  const events: TurnEvent[] = [...known]
  const listeners = new Set<() => void>()
  let fate: Fate | undefined
  let resolveFate: (fate: Fate) => void
  const ended = new Promise<Fate>((resolve) => {
    resolveFate = resolve
  })
  let isWaking = false

  // All events within one iteration of the event loop wake a reader once.
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
    get fate() {
      return fate
    },
    ended,
    append(...more) {
      events.push(...more)
      wake()
    },
    close(how) {
      fate = how
      resolveFate(how)
      wake()
    },
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
