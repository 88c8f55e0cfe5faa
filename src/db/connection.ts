import net from 'node:net'
import postgres, { type Notice } from 'postgres'
import type { Target } from './pooler.js'
import { types } from './types.js'
import { connectionError } from './unavailable.js'

const libpqDefault = { host: 'localhost', port: 5432 }

export interface ConnectionOptions {
  target: Target
  statementTimeoutMs: number
  lockTimeoutMs: number
  connectTimeoutMs: number
  applicationName: string
  onNotice: (notice: Notice) => void
}

export interface Connection {
  sql: postgres.Sql
  /**
   * It is ours alone, and row-level security binds whatever would run outside a transaction, where it acts for nobody:
   * nothing has to wait until what was sent before it is known to have worked.
   */
  isBound: boolean
  isAlive(): boolean
  /** how many bytes have come from the server so far */
  bytesRead(): number
  /** breaks it at once: all that is under way rejects, and nothing can run on it any more */
  destroy(): void
  /** says goodbye to the server first */
  end(): Promise<void>
}

const driverSettings = ({ target, applicationName, onNotice, ...limits }: ConnectionOptions) => ({
  max: 1,
  prepare: target.prepare,
  fetch_types: false,
  idle_timeout: 0,
  max_lifetime: null,
  connect_timeout: 0,
  types,
  onnotice: onNotice,
  connection: {
    application_name: applicationName,
    TimeZone: 'UTC',
    DateStyle: 'ISO',
    ...(!target.isPooled && {
      statement_timeout: limits.statementTimeoutMs,
      lock_timeout: limits.lockTimeoutMs,
      idle_in_transaction_session_timeout: limits.statementTimeoutMs,
    }),
  },
})

/**
 * Opens connections one by one, each with a driver of its own. The driver's pool cannot be used: with `fetch_types`
 * off its reserve() hangs on a new connection, with it on a pooler's refusal ends the process; and it reconnects by
 * itself, so that what is left of a lost transaction runs outside any. Here a driver gets one socket, ever.
 */
export const connectionOpener = (options: ConnectionOptions) => {
  const { target, connectTimeoutMs } = options
  const settings = driverSettings(options)
  let next = 0

  return async (onLost: (connection: Connection) => void): Promise<Connection> => {
    const { host, port } = target.hosts[next % target.hosts.length] ?? libpqDefault
    let socket: net.Socket | undefined
    let isAlive = true
    let opened: Connection | undefined
    let fail: (error: Error) => void = () => {}
    const failed = new Promise<never>((_, reject) => {
      fail = reject
    })

    const dial = ({ path }: { path: string | false }) => {
      if (socket || !isAlive) throw connectionError('LOST', 'the connection was lost')
      socket = net.connect(path ? { path } : { host, port, noDelay: true })
      socket.on('error', fail)
      // The driver takes the name that TLS asks for from here.
      return Object.assign(socket, { host })
    }
    const onclose = () => {
      isAlive = false
      // Rejects what the driver still holds back for a new connection.
      void sql.end({ timeout: 0 })
      if (opened) onLost(opened)
    }
    const own = { ...settings, host, port, socket: dial, onclose }
    const sql: postgres.Sql = postgres(target.url, own)
    const destroy = () => {
      isAlive = false
      socket?.destroy()
    }
    const end = async () => {
      isAlive = false
      await sql.end({ timeout: 1 })
      destroy()
    }

    const timer = setTimeout(
      () => fail(connectionError('TIMEOUT', `no connection within ${connectTimeoutMs} ms`)),
      connectTimeoutMs,
    )
    try {
      const isBound = await Promise.race([rest(sql, options), failed])
      const bytesRead = () => socket?.bytesRead ?? 0
      opened = { sql, isBound, isAlive: () => isAlive, bytesRead, destroy, end }
      return opened
    } catch (error) {
      next += 1
      destroy()
      void sql.end({ timeout: 0 })
      throw isRefusedLimit(error) ? hiddenPooler(error.message) : error
    } finally {
      clearTimeout(timer)
    }
  }
}

const hiddenPooler = (sign: string): Error =>
  connectionError(
    'POOLER',
    `DATABASE_URL leads to a pooler in transaction mode that it does not tell (${sign}): ` +
      'set DATABASE_PREPARE=off, or add pgbouncer=true to the parameters of the URL',
  )

/** A pooler takes no limits at the start of a connection; it refuses them, or leaves them out without a word. */
const isRefusedLimit = (error: unknown): error is Error =>
  error instanceof postgres.PostgresError && /startup parameter.*_timeout/.test(error.message)

/**
 * Puts a connection of our own into the role that serves requests for good, where it may. Acting for nobody under
 * row-level security, a connection at rest sees and writes nothing. A pooler's is shared, and stays as it is.
 */
const rest = async (
  sql: postgres.Sql,
  { target, statementTimeoutMs }: ConnectionOptions,
): Promise<boolean> => {
  if (target.isPooled) {
    await sql`select 1`.simple()
    return false
  }
  // Whatever stands in the way (no such role yet, not a member of it), the select says what it means.
  const switchRole = sql`do $$ begin set role colloquy_app; exception when others then null; end $$;`
  const results = await sql<[{ is_bound: boolean; limit_ms: string }]>`
    ${switchRole}
    select not (rolsuper or rolbypassrls) as is_bound,
      1000 * extract(epoch from current_setting('statement_timeout')::interval) as limit_ms
    from pg_catalog.pg_roles
    where rolname = current_user`.simple()
  // Of two commands in one message the driver gives a list of results.
  const [found] = results.flat()
  if (Number(found?.limit_ms) !== statementTimeoutMs) throw hiddenPooler('it ignores statement_timeout')
  return found?.is_bound ?? false
}
