import postgres from 'postgres'

/** `unknown`: the connection was lost before the server confirmed or refused the commit. */
type CommitOutcome = 'none' | 'unknown'

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : ''

/** The database is unreachable or did not answer in time; see `cause`. With the outcome `none` nothing was written. */
export class DatabaseUnavailable extends Error {
  readonly outcome: CommitOutcome

  constructor(cause: unknown, outcome: CommitOutcome = 'none') {
    super(`database unavailable: ${cause instanceof Error ? cause.message : cause}`, { cause })
    this.name = 'DatabaseUnavailable'
    this.outcome = outcome
  }

  /** The public description of the cause. */
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

/** Whether the server was reachable but read-only: a standby, or a server that an operator has set read-only. */
export const isReadOnly = (error: unknown): boolean =>
  error instanceof DatabaseUnavailable && readOnly.test(codeOf(error.cause))

/** Whether the server or PgBouncer has reached its connection limit. */
export const isTooManyConnections = (error: unknown): boolean =>
  codeOf(error) === '53300' || (error instanceof Error && /no more connections allowed/.test(error.message))

/** A connection error of our own, with a code in the style of the driver's. */
export const connectionError = (code: string, message: string): Error =>
  Object.assign(new Error(message), { code: `CONNECTION_${code}` })

/**
 * SQLSTATEs of a server that is reachable but temporarily cannot serve, so that clients should retry: connection
 * exceptions (08), read-only after a failover (25006), transaction time limits (25P03, 25P04), lost prepared statements
 * (26000: a pooler, a concurrent migration), rollbacks (40: a standby's recovery conflict, a deadlock), exhausted
 * resources (53: disk, memory, connections), lock timeout (55P03), cancelled (57014), shutdown, crash, start-up, dropped
 * database and idle timeout (57P01 to 57P05), and system errors (58: input and output).
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const unavailableStates =
  /^(08...|25006|25P0[34]|26000|40(000|001|003|P01)|53...|55P03|57014|57P0[1-5]|58...)$/
/** Codes of a lost connection: the driver's, our own, Node's system errors, broken streams and TLS. */
const connectionCodes = /^(CONNECTION_|E(?!RR_)|ERR_(SSL|TLS|STREAM)_)/
/** States that leave the commit's outcome unknown: a connection behind this one was lost (a pooler's, a Citus worker's). */
const unknownOutcomeStates = /^(08|40003)/
/**
 * At read committed, 40001 is a standby's recovery conflict, so this server is not the primary. A fatal error ends the
 * session.
 */
const endsSession = ({ code, severity }: postgres.PostgresError): boolean =>
  code === '25006' || code === '40001' || severity === 'FATAL' || severity === 'PANIC'

/** Whether the connection is unusable after this error. Only a server's response leaves driver and server in sync. */
export const isConnectionFatal = (error: unknown): boolean =>
  !(error instanceof postgres.PostgresError) || endsSession(error)

const isStalePlan = (error: unknown): boolean =>
  error instanceof postgres.PostgresError && error.routine === 'RevalidateCachedQuery'

/** Converts an error that means an unavailable database to DatabaseUnavailable; returns any other unchanged. */
export const toDatabaseError = (error: unknown, outcome: CommitOutcome): unknown => {
  if (error instanceof postgres.PostgresError) {
    if (!unavailableStates.test(error.code) && !isStalePlan(error)) return error
    // The server responded with an error, so nothing was committed.
    return new DatabaseUnavailable(error, unknownOutcomeStates.test(error.code) ? outcome : 'none')
  }
  return connectionCodes.test(codeOf(error)) ? new DatabaseUnavailable(error, outcome) : error
}

/**
 * Whether the error concerns this statement only (a bug in it, a deadlock, a limit that it exceeded), not the database
 * as a whole.
 */
export const isStatementFailure = (error: unknown): boolean =>
  !(error instanceof DatabaseUnavailable) ||
  (error.cause instanceof postgres.PostgresError && /^(40P01|57014|55P03)$/.test(error.cause.code))
