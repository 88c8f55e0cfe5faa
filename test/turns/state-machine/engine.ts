import postgres from 'postgres'
import type { Test } from 'tap'
import { connect } from '../../../src/db/connect.js'
import type { Database } from '../../../src/db/database.js'
import { deleteConversation } from '../../../src/handlers/delete-conversation.js'
import type { Deps } from '../../../src/handlers/deps.js'
import { findTurn } from '../../../src/handlers/find-turn.js'
import { keepPruned } from '../../../src/turns/retention.js'
import type { Begun } from '../../../src/turns/store/begin-turns.js'
import type { EndTurn } from '../../../src/turns/store/end-turns.js'
import { createTurnStore, type TurnStore } from '../../../src/turns/store/turn-store.js'
import { fateOf } from '../../../src/turns/types.js'
import { stopClock } from '../../helpers/clock.js'
import { testDatabase } from '../../helpers/database.js'
import { until } from '../../helpers/models.js'
import type { Attempt, BeginAnswer, EndAnswer } from './model.js'
import type { Request } from './requests.js'
import { readStored } from './stored.js'
import { tick } from './tick.js'

/** All that the state machine's tests know of the engine: its own functions, one call each, on a clock of the test's. */

const codeOf = (error: unknown): string | undefined =>
  error instanceof postgres.PostgresError ? error.code : undefined

/** What of a begin's answer means something; the rest of the row is left over. */
const meant = (begun: Begun): Begun => {
  switch (begun.outcome) {
    case 'begun': {
      const { outcome, conversation_id, turn_id, user_message_id, message_id, attempt, model } = begun
      const ids = { conversation_id, turn_id, user_message_id, message_id }
      return { outcome, ...ids, attempt, model, history: begun.history, done_calls: begun.done_calls }
    }
    case 'busy':
    case 'attached': {
      const { outcome, conversation_id, turn_id, is_lapsed } = begun
      return { outcome, conversation_id, turn_id, is_lapsed }
    }
    case 'ended': {
      const { outcome, conversation_id, turn_id } = begun
      return { outcome, conversation_id, turn_id }
    }
    default:
      return { outcome: begun.outcome }
  }
}

/** Counts the statements that end as the victims of a deadlock, which who sends them again does not tell. */
const counting = (db: Database, onDeadlock: () => void): Database => ({
  ...db,
  statement: (work, line) =>
    db.statement(work, line).catch((error: unknown) => {
      if (codeOf(error) === '40P01') onDeadlock()
      throw error
    }),
})

const begin = async (store: TurnStore, turn: Request): Promise<BeginAnswer> => {
  try {
    return meant(await store.beginTurn(turn))
  } catch (error) {
    if (codeOf(error) === '22P05') return { outcome: 'unstorable' }
    if (codeOf(error) === '23505') return { outcome: 'refused' }
    throw error
  }
}

const end = async (store: TurnStore, turn: EndTurn): Promise<EndAnswer> => {
  try {
    return { outcome: (await store.endTurn(turn)).outcome }
  } catch (error) {
    if (codeOf(error) === '22P05') return { outcome: 'unstorable' }
    throw error
  }
}

const prune = async (store: TurnStore, batch: number): Promise<number[]> => {
  const pruned: number[] = []
  const over = new AbortController()
  const counted = {
    async pruneIdempotencyKeys(limit: number) {
      const count = await store.pruneIdempotencyKeys(limit)
      pruned.push(count)
      if (count < batch) over.abort()
      return count
    },
  }
  const log = {
    warn: ({ err }: { err?: unknown }) => {
      throw err
    },
  }
  await keepPruned({ store: counted, log, everyMs: 0, batch }, over.signal)
  return pruned
}

/** The engine on a database of the test's own, whose clock stands still until it is set. */
export const createEngine = async (t: Test, { leaseMs, max }: { leaseMs: number; max: number }) => {
  const { url, superuserUrl } = await testDatabase(t)
  const [root, holder] = [1, 2].map(() => postgres(superuserUrl, { max: 1, onnotice: () => {} }))
  if (!root || !holder) throw new Error('there are two')
  t.teardown(() => Promise.all([root.end(), holder.end()]))
  const setClock = await stopClock(root)
  // Only what is broken on purpose deadlocks; it need not take a second each time.
  await root`
    do $$ begin execute format('alter database %I set deadlock_timeout = 50', current_database()); end $$`.simple()
  const pool = connect({ url, max, prepare: 'auto' })
  t.teardown(() => pool.close())
  let deadlocks = 0
  const db = counting(pool, () => {
    deadlocks += 1
  })
  // Each with batches of its own.
  const stores = [createTurnStore(db), createTurnStore(db)]
  const at = (instance: number) => stores[instance % stores.length] as TurnStore
  const [one] = stores as [TurnStore]
  const remove = deleteConversation({ db } as Deps)

  return {
    begin: (turn: Request, instance = 0) => begin(at(instance), turn),
    end: (turn: EndTurn, instance = 0) => end(at(instance), turn),
    beginTogether: (turns: Request[]) => Promise.all(turns.map((turn) => begin(one, turn))),
    endTogether: (turns: EndTurn[]) => Promise.all(turns.map((turn) => end(one, turn))),
    cancel: (userId: string, turnId: string) => one.cancelTurn(userId, turnId),
    interrupt: (userId: string, turnId: string) => one.interruptTurn(userId, turnId),
    tick: (held: Attempt[], read: Attempt[], awaited: Attempt[]) => tick(one, leaseMs, held, read, awaited),
    prune: (batch: number) => prune(one, batch),
    deleteConversation: async (userId: string, id: string): Promise<boolean> => {
      const request = { user: { id: userId }, params: { user_id: userId, conversation_id: id } }
      const reply = await remove(request as never, ((status: number) => ({ status })) as never)
      return reply.status === 204
    },
    async read({ turnId, attempt }: Attempt, by: string) {
      const shown = await findTurn(db, by, turnId)
      const stored = await one.readTurn(by, turnId)
      const fate = fateOf(stored, attempt)
      return {
        shown: shown?.status,
        fate:
          fate.kind === 'ended'
            ? { kind: fate.kind, status: fate.end.status, text: fate.end.response }
            : { kind: fate.kind },
        events: stored?.events
          .map((event) => (event.type === 'text-delta' ? event.delta : event.type))
          .join(''),
      }
    },
    /** Holds the rows of a conversation, or of a turn, for a moment, as another transaction that is slow. */
    hold: async (what: 'conversations' | 'turns', id: string, ms: number): Promise<void> => {
      await holder.begin(async (sql) => {
        await sql`select from ${sql(`colloquy.${what}`)} where id = ${id} for no key update`
        await sql`select pg_sleep(${ms / 1_000})`
      })
    },
    setClock: (ms: number) => setClock(new Date(ms)),
    stored: () => readStored(root),
    /** how many statements were the victims of a deadlock since it was asked last */
    newDeadlocks(): number {
      const n = deadlocks
      deadlocks = 0
      return n
    },
    /** Closes what it has open of the database, which counts deadlocks until then; gives how many it has counted. */
    async countDeadlocks(): Promise<number> {
      await pool.close()
      const others = () => root`
        select from pg_stat_activity
        where datname = current_database() and usename <> current_user and pid <> pg_backend_pid()`
      await until(async () => (await others()).length === 0)
      const [row] = await root<[{ n: number }]>`
        select deadlocks::integer as n from pg_stat_database where datname = current_database()`
      return row.n
    },
    /** Forgets everything, so that no run sees another's rows. */
    clear: () =>
      root`
        delete from colloquy.conversations;
        delete from colloquy.messages;
        delete from colloquy.idempotency_keys;
        delete from colloquy.usage`.simple(),
    root,
  }
}

export type Engine = Awaited<ReturnType<typeof createEngine>>
