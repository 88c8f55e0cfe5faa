import { createSession, type Session, type SessionOptions } from './session.js'

const IDLE_MS = 5 * 60_000
const SWEEP_MS = 30_000

export interface Sessions {
  /** The session of this key, made with `options` when there is none. */
  get(key: string, options: Omit<SessionOptions, 'now'>): Session
  close(): Promise<void>
}

/** Keeps sessions while they are used, and at most `max` of them: the least recently used goes first. */
export const createSessions = (max: number, now: () => number): Sessions => {
  const kept = new Map<string, { session: Session; usedAt: number }>()
  const leaving = new Set<Promise<void>>()

  const leave = (key: string, session: Session): void => {
    kept.delete(key)
    const left = session.leave()
    leaving.add(left)
    void left.then(() => leaving.delete(left))
  }
  const leaveIdle = (): void => {
    for (const [key, { session, usedAt }] of kept) {
      if (now() - usedAt < IDLE_MS) return
      leave(key, session)
    }
  }
  const sweeping = setInterval(leaveIdle, SWEEP_MS).unref()

  return {
    get(key, options) {
      leaveIdle()
      const session = kept.get(key)?.session ?? createSession({ ...options, now })
      // Set anew, so that the map's order is that of use.
      kept.delete(key)
      kept.set(key, { session, usedAt: now() })
      const [oldest] = kept
      if (kept.size > max && oldest) leave(oldest[0], oldest[1].session)
      return session
    },
    async close() {
      clearInterval(sweeping)
      const closing = [...kept.values()].map(({ session }) => session.close())
      await Promise.all([...closing, ...leaving])
    },
  }
}
