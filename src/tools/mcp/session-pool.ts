import { createSession, type Session, type SessionOptions } from './session.js'

const IDLE_MS = 5 * 60_000
const SWEEP_MS = 30_000

export interface SessionPool {
  /** Returns the session of this key, creating it with `options` if there is none. */
  get(key: string, options: Omit<SessionOptions, 'now'>): Session
  close(): Promise<void>
}

/** Keeps sessions while they are in use, at most `max` of them; the least recently used is retired first. */
export const createSessionPool = (max: number, now: () => number): SessionPool => {
  const sessions = new Map<string, { session: Session; usedAt: number }>()
  const retiring = new Set<Promise<void>>()

  const retire = (key: string, session: Session): void => {
    sessions.delete(key)
    const retired = session.retire()
    retiring.add(retired)
    void retired.then(() => retiring.delete(retired))
  }
  const retireIdle = (): void => {
    for (const [key, { session, usedAt }] of sessions) {
      if (now() - usedAt < IDLE_MS) return
      retire(key, session)
    }
  }
  const sweep = setInterval(retireIdle, SWEEP_MS).unref()

  return {
    get(key, options) {
      retireIdle()
      const session = sessions.get(key)?.session ?? createSession({ ...options, now })
      // Re-inserted, so that the map is ordered by last use.
      sessions.delete(key)
      sessions.set(key, { session, usedAt: now() })
      const [oldest] = sessions
      if (sessions.size > max && oldest) retire(oldest[0], oldest[1].session)
      return session
    },
    async close() {
      clearInterval(sweep)
      const closing = [...sessions.values()].map(({ session }) => session.close())
      await Promise.all([...closing, ...retiring])
    },
  }
}
