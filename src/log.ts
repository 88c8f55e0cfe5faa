import { destination, type Logger, pino } from 'pino'

interface LoggedError {
  name?: string
  code?: unknown
  message?: string
  stack?: string
  cause?: unknown
}

/** Logs only these properties of an error: a PostgreSQL error's other properties quote the row. */
export const serializeError = (error: unknown): object | string => {
  if (typeof error !== 'object' || error === null) return String(error)
  const { name, code, message, stack, cause }: LoggedError = error
  return { name, code, message, stack, ...(cause !== undefined && { cause: serializeError(cause) }) }
}

/** How much waits for a reader of the log that has stopped, in characters; lines past it are dropped. */
const maxUnwritten = 16_777_216

/**
 * Logs JSON lines to standard output: events with fields, never message text or tokens. Writes are asynchronous: lines that
 * arrive during a write are written together after it, so a slow reader of the log delays no request. Each line has the
 * fields of `fieldsOf` too.
 */
export const createLog = (level: string, fieldsOf?: () => object): Logger =>
  pino(
    { level, serializers: { err: serializeError }, ...(fieldsOf && { mixin: fieldsOf }) },
    destination({ dest: 1, sync: false, maxLength: maxUnwritten }),
  )
