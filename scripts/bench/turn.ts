import type { PendingQuery, Sql as Postgres } from 'postgres'
import { v7 as uuidv7 } from 'uuid'
import type { Database, Sql } from '../../src/db/database.js'
import { forHistory } from '../../src/turns/agent/history-window.js'
import { type Answer, emptyAnswer } from '../../src/turns/events.js'
import { type BeginTurn, beginTurns } from '../../src/turns/store/begin-turns.js'
import { type EndTurn, endTurns } from '../../src/turns/store/end-turns.js'
import type { Owned } from './seed.js'
import { message } from './user.js'

/** Turns in new conversations or in existing ones. */
export type Kind = 'new' | 'continued'

export const newTurn = (kind: Kind, { user_id, id }: Owned): BeginTurn => ({
  userId: user_id,
  conversationId: kind === 'new' ? uuidv7() : id,
  isNewConversation: kind === 'new',
  turnId: uuidv7(),
  userMessageId: uuidv7(),
  messageId: uuidv7(),
  message,
  title: message.slice(0, 80),
  model: 'echo',
  leaseMs: 15_000,
  historyMessages: 40,
  historyTokens: 16_000,
  windowSize: 16_000,
  // Those of a server that is told nothing else.
  limits: {
    runningTurns: 20,
    waitingMessages: 50,
    turnsPerMinute: null,
    turnsPerDay: null,
    tokensPerDay: null,
  },
})

/** The end of a turn that the echo model has answered. */
export const endOf = ({ userId, turnId, model, message }: BeginTurn): EndTurn => {
  const answer: Answer = { ...emptyAnswer(), text: `Echo: ${message}`, finish_reason: 'stop' }
  return {
    userId,
    turnId,
    attempt: 1,
    model,
    status: 'completed',
    answer,
    cost: null,
    errorCode: null,
    hasEvents: false,
    windowSize: 16_000,
    windowStart: null,
    ...forHistory({ historyTokens: 16_000 }, model, message, answer),
  }
}

/** Passes the engine's statements directly to the driver, bypassing Colloquy's database layer. */
export const bareDatabase = (sql: Postgres): Database =>
  ({
    statement: <T extends readonly (object | undefined)[]>(work: (sql: Sql) => PendingQuery<T>) => work(sql),
    asNobody: (work: (sql: Sql) => unknown) => work(sql),
  }) as Partial<Database> as Database

/** The same with `explain` before each statement: the results are query plans. */
export const explaining = (sql: Postgres): Database =>
  bareDatabase(
    new Proxy(sql, {
      apply(target, self, [strings, ...values]: [TemplateStringsArray, ...unknown[]]) {
        const [first, ...rest] = strings
        const text = [`explain (analyze, buffers, timing off, format json) ${first}`, ...rest]
        return Reflect.apply(target as never, self, [Object.assign(text, { raw: strings.raw }), ...values])
      },
    }),
  )

interface Explained {
  'QUERY PLAN': [
    { 'Execution Time': number; Plan: { 'Shared Hit Blocks': number; 'Shared Read Blocks': number } },
  ]
}

/** PostgreSQL's own measurement of a turn's two calls: execution time in ms, and pages touched. */
export const turnInside = async (
  sql: Postgres,
  { user_id, id }: Owned,
): Promise<{ ms: number; pages: number }> => {
  const turn = newTurn('continued', { user_id, id })
  const db = explaining(sql)
  let ms = 0
  let pages = 0
  for (const explain of [() => beginTurns(db, [turn], false), () => endTurns(db, [endOf(turn)], false)]) {
    const [explained] = (await explain()) as unknown as [Explained]
    const [plan] = explained['QUERY PLAN']
    ms += plan['Execution Time']
    pages += plan.Plan['Shared Hit Blocks'] + plan.Plan['Shared Read Blocks']
  }
  return { ms, pages }
}
