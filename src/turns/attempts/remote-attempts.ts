import type { TurnStore } from '../store/turn-store.js'
import { type Fate, fateOf, turnKey } from '../types.js'
import { type AttemptLog, createAttemptLog } from './attempt-log.js'
import type { Heartbeat } from './heartbeat.js'

export interface RemoteAttemptsOptions {
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
  let isOver = false

  const forget = (turn: RemoteAttempt): void => {
    const { userId, turnId } = turn.attemptLog.ids
    const key = turnKey(userId, turnId)
    turn.stop()
    if (attempts.get(key) === turn) attempts.delete(key)
  }

  const close = (turn: RemoteAttempt, fate: Fate): void => {
    forget(turn)
    turn.attemptLog.close(fate)
  }

  /** Reads why the attempt no longer runs from the stored turn. */
  const readFate = async (turn: RemoteAttempt): Promise<void> => {
    const { userId, turnId, attempt } = turn.attemptLog.ids
    turn.stop()
    const fate = await store.readTurn(userId, turnId).then(
      (stored) => fateOf(stored, attempt),
      // A reader whose stream is cut reconnects.
      (): Fate => ({ kind: 'not-stored' }),
    )
    close(turn, fate)
  }

  const follow = (attemptLog: AttemptLog): RemoteAttempt => {
    const { userId, turnId } = attemptLog.ids
    const turn: RemoteAttempt = { attemptLog, readers: 0, stop: () => {} }
    turn.stop = heartbeat.follow(attemptLog, () => void readFate(turn))
    attempts.set(turnKey(userId, turnId), turn)
    return turn
  }

  return {
    /** Opens a turn that does not run here; undefined when there is no such turn. */
    async open(userId: string, turnId: string): Promise<OpenTurn | undefined> {
      const key = turnKey(userId, turnId)
      let turn = attempts.get(key)
      if (!turn) {
        const stored = await store.readTurn(userId, turnId)
        if (!stored) return undefined
        const attemptLog = createAttemptLog(stored.ids, stored.events)
        if (stored.end) attemptLog.close({ kind: 'ended', end: stored.end })
        else if (isOver) attemptLog.close({ kind: 'handed-over' })
        if (attemptLog.fate) return { attemptLog, leave: () => {} }
        turn = attempts.get(key) ?? follow(attemptLog)
      }
      const opened = turn
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
      isOver = true
      for (const turn of attempts.values()) close(turn, { kind: 'handed-over' })
    },
  }
}
