import type { Connection } from './connection.js'
import type { Sql } from './database.js'
import { connectionError, isLastOf, named } from './errors.js'

/** What the driver (pinned to 3.4.9) calls to send a statement, and its types leave out. */
interface Query extends Promise<unknown> {
  handler(query: Query): void
  reject(error: unknown): void
}

export interface Bounds {
  deadlineMs: number
  /**
   * Behind a pooler, which lets everybody wait who finds no connection of the server free, or no server: until then
   * not a byte comes back, and afterwards the first answer comes at once. The deadline begins after this time.
   */
  firstAnswerMs?: number
}

/** The way of one transaction's statements to its connection. */
export interface Gate {
  sql: Sql
  /** Sends the last statement; none gets through after it. */
  finish<Q extends { execute(): unknown }>(statement: Q): Q
  /** Lets nothing through any more. */
  close(): void
  /** Waits until every statement that got through is answered. */
  settled(): Promise<void>
  /** The first thing that went wrong. */
  failure(): { error: unknown } | undefined
  /** Whether the last statement got through. */
  isFinished(): boolean
  /** Rejects when the transaction's time is up; its connection is broken then. */
  expired: Promise<never>
}

/** What of the driver a callback may use besides the tag; `file` and `unsafe` make statements too. */
const builders = new Set<string | symbol>(['json', 'array', 'typed', 'types', 'file', 'unsafe'])
const ignore = () => {}
const settleMs = 20

/**
 * Stands before every statement at the moment it would be sent (statements are lazy), because the driver itself would
 * send one after the transaction's end, or after a failure, into whatever comes next on the connection.
 */
export const createGate = (connection: Connection, { deadlineMs, firstAnswerMs }: Bounds): Gate => {
  const sent: Query[] = []
  let failure: { error: unknown } | undefined
  let last: unknown
  let isFinished = false
  let closed: Error | undefined
  let expire: (error: Error) => void = ignore
  const expired = new Promise<never>((_, reject) => {
    expire = reject
  })
  expired.catch(ignore)

  const fail = (error: unknown): void => {
    failure ??= { error }
    if (isLastOf(error)) connection.destroy()
  }

  const giveUp = (error: Error): void => {
    fail(error)
    expire(error)
  }
  const received = connection.bytesRead()
  const timers: NodeJS.Timeout[] = []
  /** Once more a moment later: after a pause of this process, timers come before the answers that have arrived. */
  const after = (ms: number, act: () => void): void => {
    timers.push(setTimeout(() => timers.push(setTimeout(act, settleMs)), ms))
  }
  const silent = () =>
    giveUp(connectionError('SILENT', `the database did not answer within ${deadlineMs} ms`))
  after((firstAnswerMs ?? 0) + deadlineMs, silent)
  if (firstAnswerMs !== undefined) {
    after(firstAnswerMs, () => {
      if (connection.bytesRead() > received) return
      giveUp(connectionError('WAIT', `the pooler had no connection within ${firstAnswerMs} ms`))
    })
  }

  const close = (): void => {
    for (const timer of timers) clearTimeout(timer)
    closed ??= new Error('the transaction has ended')
  }

  const refusal = (): unknown => {
    if (closed) return closed
    if (!failure && !connection.isAlive()) fail(connectionError('LOST', 'the connection was lost'))
    if (!failure) return undefined
    const error = named(failure.error, 'none')
    return error === failure.error ? new Error('an earlier statement failed', { cause: error }) : error
  }

  const watch = (made: unknown): unknown => {
    if (!(made instanceof Promise)) return made
    const query = made as Query
    const send = query.handler
    query.handler = () => {
      const refused = refusal()
      query.catch(refused ? ignore : fail)
      if (refused) return query.reject(refused)
      sent.push(query)
      if (query === last) {
        isFinished = true
        closed = new Error('the transaction has ended')
      }
      send(query)
    }
    return query
  }

  const sql = new Proxy(connection.sql, {
    apply: (target, self, args) => watch(Reflect.apply(target, self, args)),
    get: (target, key) => {
      if (!builders.has(key)) return undefined
      const builder: unknown = Reflect.get(target, key)
      if (typeof builder !== 'function') return builder
      return (...args: unknown[]) => watch(Reflect.apply(builder, target, args))
    },
  })

  return {
    sql,
    finish: (statement) => {
      last = statement
      statement.execute()
      return statement
    },
    close,
    settled: async () => {
      await Promise.allSettled(sent)
    },
    failure: () => failure,
    isFinished: () => isFinished,
    expired,
  }
}
