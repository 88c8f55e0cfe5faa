import type { Connection } from './connection.js'
import type { Sql } from './database.js'
import { connectionError, isConnectionFatal, toDatabaseError } from './errors.js'

/** Members of the driver's queries (pinned to 3.4.9) that its types omit; it calls `handler` to send a statement. */
interface Query extends Promise<unknown> {
  handler(query: Query): void
  reject(error: unknown): void
}

/** How a transaction waits for the database. */
export interface TransactionTimeouts {
  /** the limit for the whole transaction */
  transactionMs: number
  /**
   * Behind a pooler: how long it may take to assign a server connection. Until then it sends no byte; the first answer
   * follows at once. `transactionMs` begins after this time.
   */
  poolerMs?: number
  /** called whenever a statement leaves while none is under way */
  onRoundTrip?: () => void
}

/** Guards the statements of one transaction on their way to the connection. */
export interface TransactionGuard {
  sql: Sql
  /** Sends the last statement. Later ones are rejected. */
  finish<Q extends { execute(): unknown }>(statement: Q): Q
  /** Rejects all further statements. */
  close(): void
  /** Resolves when every statement that was sent has been answered. */
  settled(): Promise<void>
  /** The first failure, if any. */
  failure(): { error: unknown } | undefined
  /** Whether the last statement was sent. */
  isFinished(): boolean
  /** Rejects when the transaction has timed out, which destroys its connection. */
  expired: Promise<never>
}

/** The driver's members that callbacks may use besides the tag. `file` and `unsafe` create statements too. */
const builders = new Set<string | symbol>(['json', 'array', 'typed', 'types', 'file', 'unsafe'])
const ignore = () => {}
const backlogMs = 20

/**
 * Intercepts every statement when it is about to be sent (statements are lazy). The driver itself would send a statement
 * after the transaction's end or after a failure, into whatever comes next on the connection.
 */
export const createTransactionGuard = (
  connection: Connection,
  { transactionMs, poolerMs, onRoundTrip = ignore }: TransactionTimeouts,
): TransactionGuard => {
  const sent: Query[] = []
  let unanswered = 0
  let failure: { error: unknown } | undefined
  let last: unknown
  let isFinished = false
  let closed: Error | undefined
  let expire: (error: Error) => void = ignore
  const expired = new Promise<never>((_, reject) => {
    expire = reject
  })
  expired.catch(ignore)

  const answered = (): void => {
    unanswered -= 1
  }

  const fail = (error: unknown): void => {
    failure ??= { error }
    if (isConnectionFatal(error)) connection.destroy()
  }

  const expireWith = (error: Error): void => {
    fail(error)
    expire(error)
  }
  const received = connection.bytesRead()
  const timers: NodeJS.Timeout[] = []
  /** Fires a moment late: after a pause of this process, timers run before the answers that have already arrived. */
  const after = (ms: number, act: () => void): void => {
    timers.push(setTimeout(() => timers.push(setTimeout(act, backlogMs)), ms))
  }
  const silent = () =>
    expireWith(connectionError('SILENT', `the database did not answer within ${transactionMs} ms`))
  after((poolerMs ?? 0) + transactionMs, silent)
  if (poolerMs !== undefined) {
    after(poolerMs, () => {
      if (connection.bytesRead() > received) return
      expireWith(connectionError('WAIT', `the pooler had no connection within ${poolerMs} ms`))
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
    const error = toDatabaseError(failure.error, 'none')
    return error === failure.error ? new Error('an earlier statement failed', { cause: error }) : error
  }

  const watch = (made: unknown): unknown => {
    if (!(made instanceof Promise)) return made
    const query = made as Query
    const send = query.handler
    query.handler = () => {
      const refused = refusal()
      query.then(answered, refused ? ignore : fail)
      if (refused) return query.reject(refused)
      if (unanswered === 0) onRoundTrip()
      unanswered += 1
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
