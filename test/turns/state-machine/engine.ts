import postgres, { type TransactionSql } from 'postgres'
import type { Test } from 'tap'
import { connect } from '../../../src/db/connect.js'
import type { Database } from '../../../src/db/database.js'
import { isUnavailable } from '../../../src/db/errors.js'
import { deleteConversation } from '../../../src/handlers/delete-conversation.js'
import type { Deps } from '../../../src/handlers/deps.js'
import { findTurn } from '../../../src/handlers/turn-columns.js'
import { updateConversation } from '../../../src/handlers/update-conversation.js'
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

/** The SQLSTATE of an error, also of one that the database answers with while it is called unavailable. */
const codeOf = (error: unknown): string | undefined => {
  const cause = isUnavailable(error) ? (error as Error).cause : error
  return cause instanceof postgres.PostgresError ? cause.code : undefined
}

/** What of a begin's answer means something; the rest of the row is left over. */
const meant = (begun: Begun): Begun => {
  switch (begun.outcome) {
    case 'begun': {
      const { outcome, conversation_id, turn_id, user_message_id, message_id, attempt, model } = begun
      const ids = { conversation_id, turn_id, user_message_id, message_id }
      const { message, history, window_state, done_calls, assistant } = begun
      return { outcome, ...ids, attempt, model, message, history, window_state, done_calls, assistant }
    }
    case 'unfit-model':
      return { outcome: begun.outcome, assistant: begun.assistant }
    case 'limited':
      return { outcome: begun.outcome, refusal: begun.refusal }
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

/** Counts the statements that are under way, and the victims of deadlocks, which who sends them again does not tell. */
const counting = (db: Database) => {
  let underWay = 0
  let deadlocks = 0
  const counted: Database = {
    ...db,
    async statement(work, line) {
      underWay += 1
      try {
        return await db.statement(work, line)
      } catch (error) {
        if (codeOf(error) === '40P01') deadlocks += 1
        throw error
      } finally {
        underWay -= 1
      }
    },
  }
  return { db: counted, underWay: () => underWay, deadlocks: () => deadlocks }
}

/** Past it, what is at work or waits for a connection is not waited for. */
const untilAllWaitMs = 2_000

/** Also when one fails, nothing of them is under way any more afterwards. */
const allOf = async <T>(calls: Promise<T>[]): Promise<T[]> => {
  await Promise.allSettled(calls)
  return Promise.all(calls)
}

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
    pruneUpdates: store.pruneUpdates,
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
  const [root, holder] = [1, 2].map((max) => postgres(superuserUrl, { max, onnotice: () => {} }))
  if (!root || !holder) throw new Error('there are two')
  t.teardown(() => Promise.all([root.end(), holder.end()]))
  const setClock = await stopClock(root)
  // Only what is broken on purpose deadlocks; it need not take a second each time.
  await root`
    do $$ begin execute format('alter database %I set deadlock_timeout = 50', current_database()); end $$`.simple()
  const pool = connect({ url, max, prepare: 'auto' })
  t.teardown(() => pool.close())
  const { db, underWay, deadlocks } = counting(pool)
  let known = 0
  // Each with batches of its own.
  const stores = [createTurnStore(db), createTurnStore(db)]
  const at = (instance: number) => stores[instance % stores.length] as TurnStore
  const [one] = stores as [TurnStore]
  const remove = deleteConversation({ db } as Deps)
  const update = updateConversation({ db } as Deps)

  return {
    begin: (turn: Request, instance = 0) => begin(at(instance), turn),
    end: (turn: EndTurn, instance = 0) => end(at(instance), turn),
    beginTogether: (turns: Request[]) => allOf(turns.map((turn) => begin(one, turn))),
    endTogether: (turns: EndTurn[]) => allOf(turns.map((turn) => end(one, turn))),
    cancel: (userId: string, turnId: string) => one.cancelTurn(userId, turnId),
    interrupt: (userId: string, turnId: string) => one.interruptTurn(userId, turnId),
    tick: (held: Attempt[], read: Attempt[], awaited: Attempt[]) => tick(one, leaseMs, held, read, awaited),
    prune: (batch: number) => prune(one, batch),
    choose: async (userId: string, id: string, active_message_id: string): Promise<boolean> => {
      const params = { user_id: userId, conversation_id: id }
      const request = { user: { id: userId }, params, body: { active_message_id } }
      const reply = await update(request as never, ((status: number) => ({ status })) as never)
      return reply.status === 200
    },
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
    expire: async (userId: string, id: string, ms: number | null): Promise<boolean> => {
      const params = { user_id: userId, conversation_id: id }
      const body = { expires_at: ms === null ? null : new Date(ms).toISOString() }
      const request = { user: { id: userId }, params, body }
      const reply = await update(request as never, ((status: number) => ({ status })) as never)
      return reply.status === 200
    },
    async removeExpired(): Promise<void> {
      const removal = {
        claim: '019a0c4e-7b7a-7c11-8f0e-000000000000',
        leaseMs,
        retention: undefined,
        rows: 20,
      }
      // What never gets ready is a fault, too.
      for (let calls = 0; calls < 100 && (await one.removeExpired(removal)) === 'more'; calls += 1);
    },
    /** Takes locks as another transaction that is slow; gives what ends it. */
    async hold(lock: (sql: TransactionSql) => Promise<unknown>): Promise<() => Promise<unknown>> {
      let release = () => {}
      let over: Promise<unknown> = Promise.resolve()
      await new Promise<void>((resolve, reject) => {
        over = holder.begin(async (sql) => {
          await lock(sql)
          resolve()
          await new Promise<void>((resolve) => {
            release = resolve
          })
        })
        over.catch(reject)
      })
      return () => {
        release()
        return over
      }
    },
    /** Until no statement is at work: each has been answered, or waits for a lock. */
    async untilAllWait(): Promise<void> {
      const waiting = async () => {
        const [row] = await root<[{ n: number }]>`
          select count(distinct l.pid)::integer as n
          from pg_locks l join pg_stat_activity a using (pid)
          where a.datname = current_database() and not l.granted`
        return row.n
      }
      const end = performance.now() + untilAllWaitMs
      while ((await waiting()) < underWay() && performance.now() < end);
    },
    setClock: (ms: number) => setClock(new Date(ms)),
    stored: () => readStored(root),
    /** how many statements were the victims of a deadlock since it was asked last */
    newDeadlocks(): number {
      const n = deadlocks() - known
      known += n
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
        delete from colloquy.turn_counts;
        delete from colloquy.removals;
        delete from colloquy.total_spending;
        delete from colloquy.total_reservations;
        delete from colloquy.usage`.simple(),
    root,
  }
}

export type Engine = Awaited<ReturnType<typeof createEngine>>
