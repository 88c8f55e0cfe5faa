import type { Database } from '../db/database.js'

interface Entry {
  userId: string
  turnId: string
  /** the attempt that this instance runs; null for a turn that it only follows */
  attempt: number | null
  onState: (state: State) => void
}

/** `cancel` and `lost` (ended, deleted or taken over) come for a turn that is run here, `ended` for one that is followed. */
export type State = 'cancel' | 'lost' | 'ended'

export interface Progress {
  /** Keeps the lease of an attempt until the returned function is called; says what has to be acted on. */
  hold(turn: { userId: string; turnId: string; attempt: number }, onState: (state: State) => void): () => void
  /** Resolves when the turn has ended, on whatever instance; rejects with the signal's reason. */
  follow(userId: string, turnId: string, signal: AbortSignal): Promise<void>
}

export interface ProgressOptions {
  db: Database
  leaseMs: number
  log: { warn(fields: object, text: string): void }
  tickMs?: number
}

/**
 * The tick of an instance: one statement for all its running and followed turns together. It comes only while there
 * are any, so a turn that ends before the first tick costs none.
 */
export const createProgress = ({ db, leaseMs, log, tickMs = 150 }: ProgressOptions): Progress => {
  const entries = new Set<Entry>()
  let timer: NodeJS.Timeout | undefined

  const tick = async (): Promise<void> => {
    const asked = [...entries]
    const states = await db.statement(
      (sql) => sql<{ turn_id: string; state: State }[]>`
        select turn_id, state
        from colloquy.progress_v1(
          ${asked.map(({ userId }) => userId)}::text[], ${asked.map(({ turnId }) => turnId)}::uuid[],
          ${asked.map(({ attempt }) => attempt)}::integer[], ${leaseMs})`,
    )
    const stateOf = new Map(states.map(({ turn_id, state }) => [turn_id, state]))
    for (const { turnId, onState } of asked) {
      const state = stateOf.get(turnId)
      if (state) onState(state)
    }
  }

  const schedule = (): void => {
    if (timer || entries.size === 0) return
    timer = setTimeout(async () => {
      if (entries.size > 0) {
        // A missed tick is made up for by the next; the leases outlast many.
        await tick().catch((err: unknown) => log.warn({ err }, 'a tick failed'))
      }
      timer = undefined
      schedule()
    }, tickMs)
  }

  const add = (entry: Entry): (() => void) => {
    entries.add(entry)
    schedule()
    return () => entries.delete(entry)
  }

  return {
    hold: (turn, onState) => add({ ...turn, onState }),
    follow: (userId, turnId, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted()
        const onAbort = () => {
          remove()
          reject(signal.reason)
        }
        const remove = add({
          userId,
          turnId,
          attempt: null,
          onState: () => {
            remove()
            signal.removeEventListener('abort', onAbort)
            resolve()
          },
        })
        signal.addEventListener('abort', onAbort, { once: true })
      }),
  }
}
