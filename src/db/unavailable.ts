import postgres from 'postgres'

/** Whether the work may have been committed although its answer was lost. */
export type Outcome = 'none' | 'unknown'

/** The database cannot be reached or did not answer in time; `cause` says how. With outcome `none` nothing was written. */
export class DatabaseUnavailable extends Error {
  readonly outcome: Outcome

  constructor(cause: unknown, outcome: Outcome = 'none') {
    super(`database unavailable: ${cause instanceof Error ? cause.message : cause}`, { cause })
    this.name = 'DatabaseUnavailable'
    this.outcome = outcome
  }
}

export const isUnavailable = (error: unknown): boolean => error instanceof DatabaseUnavailable

/** A fault of ours to name, with a code like those of the driver. */
export const connectionError = (code: string, message: string): Error =>
  Object.assign(new Error(message), { code: `CONNECTION_${code}` })

/**
 * SQLSTATEs of a server that is there but cannot serve: connection exceptions, shutdown and start-up, out of
 * resources, cancelled by a limit of ours, or prepared statements gone (a pooler, a migration that ran meanwhile).
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const unable = /^(08...|53...|57P0[123]|57014|55P03|25P0[34]|26000)$/
/** The codes of a lost connection: the driver's and ours, Node's system errors, broken streams and TLS. */
const lost = /^(CONNECTION_|E(?!RR_)|ERR_(SSL|TLS|STREAM)_)/

const isStalePlan = (error: unknown): boolean =>
  error instanceof postgres.PostgresError && error.routine === 'RevalidateCachedQuery'

/** What to throw for `error`: DatabaseUnavailable where it is one, else the error itself. */
export const named = (error: unknown, outcome: Outcome): unknown => {
  if (error instanceof postgres.PostgresError) {
    if (!unable.test(error.code) && !isStalePlan(error)) return error
    // An answer of the server: whatever was asked, it refused, so nothing was committed. Only one that tells of a lost
    // connection behind it (a pooler's, a Citus worker's) leaves that open.
    return new DatabaseUnavailable(error, error.code.startsWith('08') ? outcome : 'none')
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return lost.test(code) ? new DatabaseUnavailable(error, outcome) : error
}

/**
 * Whether the server refused this one statement (a fault in it, a deadlock, a limit that it ran into), rather than being
 * away for everybody.
 */
export const isRefused = (error: unknown): boolean =>
  !(error instanceof DatabaseUnavailable) ||
  (error.cause instanceof postgres.PostgresError && /^(57014|55P03)$/.test(error.cause.code))
