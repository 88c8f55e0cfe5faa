import postgres from 'postgres'

/** Whether the work may have been committed although its answer was lost. */
export type Outcome = 'none' | 'unknown'

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : ''

/** The database cannot be reached or did not answer in time; `cause` says how. With outcome `none` nothing was written. */
export class DatabaseUnavailable extends Error {
  readonly outcome: Outcome

  constructor(cause: unknown, outcome: Outcome = 'none') {
    super(`database unavailable: ${cause instanceof Error ? cause.message : cause}`, { cause })
    this.name = 'DatabaseUnavailable'
    this.outcome = outcome
  }

  /** What a caller may know of the cause. */
  get detail(): string {
    const code = codeOf(this.cause)
    return details.find(([codes]) => codes.test(code))?.[1] ?? 'The database cannot be reached.'
  }
}

const readOnly = /^(25006|CONNECTION_READ_ONLY)$/

const details: [codes: RegExp, detail: string][] = [
  [readOnly, 'The database cannot be written at the moment.'],
  [/^CONNECTION_(SILENT|TIMEOUT)$/, 'The database does not answer.'],
  [/^(CONNECTION_(WAIT|FULL)|53300)$/, 'The database has no connection free.'],
  [/^(53|58)/, 'The database is out of resources.'],
  [/^(40|55P03|57014|25P0[34])/, 'The database is too busy.'],
]

export const isUnavailable = (error: unknown): boolean => error instanceof DatabaseUnavailable

/** Whether the server was there but could not be written: a standby, or an operator who wants no writes. */
export const isReadOnly = (error: unknown): boolean =>
  error instanceof DatabaseUnavailable && readOnly.test(codeOf(error.cause))

/** Whether the server, or PgBouncer, has all the connections that it takes. */
export const isFull = (error: unknown): boolean =>
  codeOf(error) === '53300' || (error instanceof Error && /no more connections allowed/.test(error.message))

/** A fault of ours to name, with a code like those of the driver. */
export const connectionError = (code: string, message: string): Error =>
  Object.assign(new Error(message), { code: `CONNECTION_${code}` })

/**
 * SQLSTATEs of a server that is there but cannot serve, so that a client should come back: connection exceptions (08),
 * read-only after a failover (25006), ended by its time limits (25P03, 25P04), prepared statements gone (26000: a pooler,
 * a migration that ran meanwhile), rolled back for another's sake (40: a standby's recovery conflict, a deadlock), out
 * of resources (53: disk, memory, connections), no lock in time (55P03), cancelled (57014), shutdown, crash, start-up,
 * dropped database and idle limit (57P01 to 57P05), and errors of the system below (58: input and output).
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const unable = /^(08...|25006|25P0[34]|26000|40(000|001|003|P01)|53...|55P03|57014|57P0[1-5]|58...)$/
/** The codes of a lost connection: the driver's and ours, Node's system errors, broken streams and TLS. */
const lost = /^(CONNECTION_|E(?!RR_)|ERR_(SSL|TLS|STREAM)_)/
/** Whether something was committed is open: a connection lost behind this one (a pooler's, a Citus worker's). */
const leavesOpen = /^(08|40003)/
/**
 * At read committed, 40001 is a standby's recovery conflict: this is not the primary. A fatal error ends the session, and
 * the next to use its connection would only find that out.
 */
const endsConnection = ({ code, severity }: postgres.PostgresError): boolean =>
  code === '25006' || code === '40001' || severity === 'FATAL' || severity === 'PANIC'

/** Whether nothing can follow on a connection after this error. Only an answer leaves driver and server in agreement. */
export const isLastOf = (error: unknown): boolean =>
  !(error instanceof postgres.PostgresError) || endsConnection(error)

const isStalePlan = (error: unknown): boolean =>
  error instanceof postgres.PostgresError && error.routine === 'RevalidateCachedQuery'

/** What to throw for `error`: DatabaseUnavailable where it is one, else the error itself. */
export const named = (error: unknown, outcome: Outcome): unknown => {
  if (error instanceof postgres.PostgresError) {
    if (!unable.test(error.code) && !isStalePlan(error)) return error
    // An answer of the server: whatever was asked, it refused, so nothing was committed.
    return new DatabaseUnavailable(error, leavesOpen.test(error.code) ? outcome : 'none')
  }
  return lost.test(codeOf(error)) ? new DatabaseUnavailable(error, outcome) : error
}

/**
 * Whether the server refused this one statement (a fault in it, a deadlock, a limit that it ran into), rather than being
 * away for everybody.
 */
export const isRefused = (error: unknown): boolean =>
  !(error instanceof DatabaseUnavailable) ||
  (error.cause instanceof postgres.PostgresError && /^(57014|55P03)$/.test(error.cause.code))
