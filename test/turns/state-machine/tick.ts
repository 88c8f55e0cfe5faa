import { createAttemptLog } from '../../../src/turns/attempts/attempt-log.js'
import { createHeartbeat } from '../../../src/turns/attempts/heartbeat.js'
import type { TurnEvent } from '../../../src/turns/events.js'
import type { TurnStore } from '../../../src/turns/store/turn-store.js'
import { type Attempt, said, type Tick } from './model.js'

const logOf = (attempt: Attempt) => createAttemptLog({ ...attempt, userMessageId: '', messageId: '' })
const textOf = (events: readonly TurnEvent[]) =>
  events.map((event) => (event.type === 'text-delta' ? event.delta : event.type)).join('')

/** One tick of an instance that runs, reads and waits for these attempts; it interrupts nothing. */
export const tick = (
  store: TurnStore,
  leaseMs: number,
  held: Attempt[],
  read: Attempt[],
  awaited: Attempt[],
): Promise<Tick> =>
  new Promise((resolve, reject) => {
    const logs = read.map(logOf)
    const states: Tick = { held: held.map(() => null), read: [], awaited: awaited.map(() => null) }
    const readStates: Tick['read'][number]['state'][] = read.map(() => null)
    const releases: (() => void)[] = []
    const stop = new AbortController()
    const done = () => {
      for (const release of releases) release()
      stop.abort()
      states.read = logs.map(({ events }, i) => ({ said: textOf(events), state: readStates[i] ?? null }))
      resolve(states)
    }
    const watched: Pick<TurnStore, 'syncAttempts' | 'interruptTurn'> = {
      async syncAttempts(entries, lease) {
        const rows = await store.syncAttempts(entries, lease)
        for (const { entry, state } of rows) {
          if (state !== 'lapsed') continue
          const n = entry - 1 - held.length
          if (n < read.length) readStates[n] = 'lapsed'
          else states.awaited[n - read.length] = 'lapsed'
        }
        // Once those who asked for it have acted on it.
        setImmediate(done)
        return rows
      },
      async interruptTurn(_userId, turnId) {
        reject(new Error(`turn ${turnId} was interrupted as soon as its lease was seen run out`))
      },
    }
    const log = { warn: ({ err }: { err?: unknown }) => reject(err) }
    const heartbeat = createHeartbeat({ store: watched, leaseMs, log, tickMs: 0 })
    for (const [i, mine] of held.entries()) {
      const attemptLog = logOf(mine)
      for (const delta of said(mine.attempt)) attemptLog.append({ type: 'text-delta', delta })
      const { release } = heartbeat.hold(attemptLog, (signal) => {
        states.held[i] = signal
      })
      releases.push(release)
    }
    for (const [i, attemptLog] of logs.entries()) {
      const onEnded = () => {
        readStates[i] = 'ended'
      }
      releases.push(heartbeat.follow(attemptLog, onEnded))
    }
    for (const [i, { userId, turnId }] of awaited.entries()) {
      const onEnded = () => {
        states.awaited[i] = 'ended'
      }
      void heartbeat.untilEnded(userId, turnId, stop.signal).then(onEnded, () => {})
    }
  })
