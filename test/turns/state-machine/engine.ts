import postgres from 'postgres'
import type { Test } from 'tap'
import { connect } from '../../../src/db/connect.js'
import type { Database } from '../../../src/db/database.js'
import { deleteConversation } from '../../../src/handlers/delete-conversation.js'
import type { Deps } from '../../../src/handlers/deps.js'
import { readTurn } from '../../../src/handlers/read-turn.js'
import { createChannel } from '../../../src/turns/attempts/attempt-log.js'
import { createProgress, type State } from '../../../src/turns/attempts/heartbeat.js'
import { keepPruned } from '../../../src/turns/retention.js'
import { type BeginTurn, type Begun, beginTurn } from '../../../src/turns/store/begin-turns.js'
import { cancelTurn } from '../../../src/turns/store/cancel-turn.js'
import { type CompleteTurn, completeTurn } from '../../../src/turns/store/end-turns.js'
import { readStoredTurn } from '../../../src/turns/store/read-turn.js'
import { stopClock } from '../../helpers/clock.js'
import { testDatabase } from '../../helpers/database.js'
import { type Answer, type Attempt, said, type Tick } from './model.js'
import { readStored } from './stored.js'

/** All that the state machine's tests know of the engine: its own functions, one call each, on a clock of the test's. */

const isDuplicate = (error: unknown): boolean =>
  error instanceof postgres.PostgresError && error.code === '23505'

/** What of a begin's answer means something; the rest of the row is left over. */
const meant = ({ outcome, ...rest }: Begun): Begun => {
  if (outcome === 'not-found' || outcome === 'mismatch') return { outcome }
  if (outcome === 'begun') return { outcome, ...rest } as Begun
  const { conversation_id, turn_id } = rest as { conversation_id: string; turn_id: string }
  return { outcome, conversation_id, turn_id }
}

/** A database that tells what became of each statement, once those who asked for it have acted on it. */
const watched = (db: Database, seen: (rows: readonly (object | undefined)[]) => void): Database => ({
  ...db,
  async statement(work) {
    const rows = await db.statement(work)
    setImmediate(seen, rows)
    return rows
  },
})

const tick = (db: Database, leaseMs: number, held: Attempt[], followed: Attempt[]): Promise<Tick> =>
  new Promise((resolve, reject) => {
    const states: Tick = { held: held.map(() => null), followed: followed.map(() => null) }
    const releases: (() => void)[] = []
    const stop = new AbortController()
    const ticked = watched(db, () => {
      for (const release of releases) release()
      stop.abort()
      resolve(states)
    })
    const log = { warn: ({ err }: { err?: unknown }) => reject(err) }
    const progress = createProgress({ db: ticked, leaseMs, log, tickMs: 0 })
    for (const [i, mine] of held.entries()) {
      const tell = (state: State) => {
        states.held[i] = state
      }
      const channel = createChannel({ ...mine, userMessageId: '', messageId: '' })
      for (const delta of said(mine.attempt)) channel.push({ type: 'text-delta', delta })
      releases.push(progress.hold(channel, tell))
    }
    for (const [i, { userId, turnId }] of followed.entries()) {
      const ended = () => {
        states.followed[i] = 'ended'
      }
      void progress.untilEnded(userId, turnId, stop.signal).then(ended, () => {})
    }
  })

const prune = async (db: Database, batch: number): Promise<number[]> => {
  const pruned: number[] = []
  const end = new AbortController()
  const counted: Database = {
    ...db,
    async statement(work) {
      const rows = await db.statement(work)
      const count = (rows[0] as { pruned: number }).pruned
      pruned.push(count)
      if (count < batch) end.abort()
      return rows
    },
  }
  const log = {
    warn: ({ err }: { err?: unknown }) => {
      throw err
    },
  }
  await keepPruned({ db: counted, log, everyMs: 0, batch }, end.signal)
  return pruned
}

/** The engine on a database of the test's own, whose clock stands still until it is set. */
export const createEngine = async (t: Test, { leaseMs, max }: { leaseMs: number; max: number }) => {
  const { url, superuserUrl } = await testDatabase(t)
  const root = postgres(superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => root.end())
  const setClock = await stopClock(root)
  // Only what is broken on purpose deadlocks; it need not take a second each time.
  await root`
    do $$ begin execute format('alter database %I set deadlock_timeout = 50', current_database()); end $$`.simple()
  const db = connect({ url, max, prepare: 'auto' })
  t.teardown(() => db.close())
  const remove = deleteConversation({ db } as Deps)

  return {
    begin: async (turn: BeginTurn): Promise<Answer> => {
      try {
        return meant(await beginTurn(db, turn))
      } catch (error) {
        if (isDuplicate(error)) return { outcome: 'refused' }
        throw error
      }
    },
    complete: (turn: CompleteTurn) => completeTurn(db, turn),
    cancel: (userId: string, turnId: string) => cancelTurn(db, userId, turnId),
    tick: (held: Attempt[], followed: Attempt[]) => tick(db, leaseMs, held, followed),
    prune: (batch: number) => prune(db, batch),
    deleteConversation: async (userId: string, id: string): Promise<boolean> => {
      const request = { user: { id: userId }, params: { user_id: userId, conversation_id: id } }
      const reply = await remove(request as never, ((status: number) => ({ status })) as never)
      return reply.status === 204
    },
    read: async (userId: string, turnId: string) => {
      const shown = await readTurn(db, userId, turnId)
      const ended = (await readStoredTurn(db, userId, turnId))?.outcome
      return {
        shown: shown?.status,
        ended: ended && { status: ended.status, response: ended.response },
      }
    },
    setClock: (ms: number) => setClock(new Date(ms)),
    stored: () => readStored(root),
    /** Forgets everything, so that no run sees another's rows. */
    clear: () =>
      root`
        delete from colloquy.conversations;
        delete from colloquy.idempotency_keys;
        delete from colloquy.usage`.simple(),
    root,
  }
}

export type Engine = Awaited<ReturnType<typeof createEngine>>
