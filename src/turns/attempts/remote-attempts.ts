import type { TurnStore } from '../store/turn-store.js'
import { type Fate, fateOf, turnKey } from '../types.js'
import { type AttemptLog, createAttemptLog } from './attempt-log.js'
import type { Heartbeat } from './heartbeat.js'

interface RemoteAttemptsOptions {
  store: Pick<TurnStore, 'readTurn'>
  heartbeat: Heartbeat
}

interface RemoteAttempt {
  attemptLog: AttemptLog
  readers: number
  stop: () => void
}

/** A turn that is open for reading. */
export interface OpenTurn {
  attemptLog: AttemptLog
  /** to be called when the reader is done */
  leave(): void
}

/** The attempts that run on other instances and have readers here. Each is polled once for all its readers. */
export const createRemoteAttempts = ({ store, heartbeat }: RemoteAttemptsOptions) => {
  const attempts = new Map<string, RemoteAttempt>()
  let isHandedOver = false

  const forget = (remote: RemoteAttempt): void => {
    const { userId, turnId } = remote.attemptLog.ids
    const key = turnKey(userId, turnId)
    remote.stop()
    if (attempts.get(key) === remote) attempts.delete(key)
  }

  const close = (remote: RemoteAttempt, fate: Fate): void => {
    forget(remote)
    remote.attemptLog.close(fate)
  }

  /** Reads why the attempt no longer runs from the stored turn. */
  const readFate = async (remote: RemoteAttempt): Promise<void> => {
    const { userId, turnId, attempt } = remote.attemptLog.ids
    remote.stop()
    const fate = await store.readTurn(userId, turnId).then(
      (stored) => fateOf(stored, attempt),
      // A reader whose stream is cut reconnects.
      (): Fate => ({ kind: 'not-stored' }),
    )
    close(remote, fate)
  }

  const follow = (attemptLog: AttemptLog): RemoteAttempt => {
    const { userId, turnId } = attemptLog.ids
    const remote: RemoteAttempt = { attemptLog, readers: 0, stop: () => {} }
    remote.stop = heartbeat.follow(attemptLog, () => void readFate(remote))
    attempts.set(turnKey(userId, turnId), remote)
    return remote
  }

  return {
    /** Opens a turn that does not run here; undefined when there is none, or it has ended in a conversation that has expired. */
    async open(userId: string, turnId: string): Promise<OpenTurn | undefined> {
      const key = turnKey(userId, turnId)
      let remote = attempts.get(key)
      if (!remote) {
        const stored = await store.readTurn(userId, turnId)
        if (!stored || (stored.end && stored.isExpired)) return undefined
        const attemptLog = createAttemptLog(stored.ids, stored.events)
        if (stored.end) attemptLog.close({ kind: 'ended', end: stored.end })
        else if (isHandedOver) attemptLog.close({ kind: 'handed-over' })
        if (attemptLog.fate) return { attemptLog, leave: () => {} }
        remote = attempts.get(key) ?? follow(attemptLog)
      }
      const opened = remote
      opened.readers += 1
      let hasLeft = false
      const leave = (): void => {
        if (hasLeft) return
        hasLeft = true
        opened.readers -= 1
        if (opened.readers === 0) forget(opened)
      }
      return { attemptLog: opened.attemptLog, leave }
    },

    /** Closes all streams: their readers reconnect to another instance. */
    handOver(): void {
      isHandedOver = true
      for (const remote of attempts.values()) close(remote, { kind: 'handed-over' })
    },
  }
}
