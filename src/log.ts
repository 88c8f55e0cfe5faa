import { destination, type Logger, pino } from 'pino'

interface Failure {
  name?: string
  code?: unknown
  message?: string
  stack?: string
  cause?: unknown
}

/** What the log may hold of an error: not its other properties, since a PostgreSQL error quotes the row in them. */
const serializeError = (error: unknown): object | string => {
  if (typeof error !== 'object' || error === null) return String(error)
  const { name, code, message, stack, cause }: Failure = error
  return { name, code, message, stack, ...(cause !== undefined && { cause: serializeError(cause) }) }
}

/**
 * JSON lines on standard output; events with fields, never message text or tokens. A line is written at once, and those that come
 * while it is being written go together after it; no request waits for whoever reads them.
 */
export const createLog = (level: string): Logger =>
  pino({ level, serializers: { err: serializeError } }, destination({ dest: 1, sync: false }))
