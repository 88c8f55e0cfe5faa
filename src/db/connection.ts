import net from 'node:net'
import postgres, { type Notice } from 'postgres'
import type { Host, Target } from './connection-target.js'
import { connectionError } from './errors.js'
import { pooledSessionSettings, sessionSettings, settleSession } from './settings.js'
import { types } from './type-parsers.js'
import { refuseReadOnly } from './writable.js'

const libpqDefault: Host = { host: 'localhost', port: 5432 }

type OnLost = (connection: Connection) => void

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
    ...(target.isPooled
      ? pooledSessionSettings
      : {
          ...sessionSettings,
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
const connectionTo = (options: ConnectionOptions) => {
  const settings = driverSettings(options)

  return async ({ host, port }: Host, limitMs: number, onLost: OnLost): Promise<Connection> => {
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
    const sql: postgres.Sql = postgres(options.target.url, own)
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
      () => fail(connectionError('TIMEOUT', `no connection to ${host}:${port} within ${limitMs} ms`)),
      limitMs,
    )
    try {
      const isBound = await Promise.race([settle(sql, options), failed])
      const bytesRead = () => socket?.bytesRead ?? 0
      opened = { sql, isBound, isAlive: () => isAlive, bytesRead, destroy, end }
      return opened
    } catch (error) {
      destroy()
      void sql.end({ timeout: 0 })
      throw isRefusedParameter(error) ? hiddenPooler(error.message) : error
    } finally {
      clearTimeout(timer)
    }
  }
}

/** So that a host that does not answer leaves time for the others. */
const minHostMs = 1_000

/**
 * Opens connections to the first host that can be written: of those in the URL in turn, beginning with the one that
 * served last. The driver would look at one setting only, which a standby may have like a primary.
 */
export const connectionOpener = (options: ConnectionOptions) => {
  const { target, connectTimeoutMs } = options
  const hosts = target.hosts.length > 0 ? target.hosts : [libpqDefault]
  const open = connectionTo(options)
  const hostMs = Math.max(Math.floor(connectTimeoutMs / hosts.length), Math.min(minHostMs, connectTimeoutMs))
  let preferred = 0

  return async (onLost: OnLost): Promise<Connection> => {
    const end = performance.now() + connectTimeoutMs
    const first = preferred
    const failures: { host: Host; error: Error }[] = []
    for (let step = 0; step < hosts.length && performance.now() < end; step += 1) {
      const index = (first + step) % hosts.length
      const host = hosts[index] ?? libpqDefault
      try {
        const connection = await open(host, hostMs, onLost)
        preferred = index
        return connection
      } catch (error) {
        failures.push({ host, error: error as Error })
      }
    }
    throw hosts.length === 1 ? failures[0]?.error : noHost(failures)
  }
}

/** An error about several hosts, with the code that tells most: of a server that was reached, if there is one. */
const noHost = (failures: { host: Host; error: Error }[]): Error => {
  const codes = failures.map(({ error }) => ('code' in error ? String(error.code) : ''))
  const code = codes.find((code) => !/^E|^CONNECTION_(?!READ_ONLY|POOLER)/.test(code)) ?? codes[0]
  const words = failures.map(({ host, error }) => `${host.host}:${host.port}: ${error.message}`).join('; ')
  return Object.assign(new Error(`no host of DATABASE_URL serves: ${words}`), { code })
}

const hiddenPooler = (sign: string): Error =>
  connectionError(
    'POOLER',
    `DATABASE_URL leads to a pooler in transaction mode that it does not tell (${sign}): ` +
      'set DATABASE_PREPARE=off, or add pgbouncer=true to the parameters of the URL',
  )

/** A pooler takes few settings at the start of a connection; it refuses the rest, or leaves them out without a word. */
const isRefusedParameter = (error: unknown): error is Error =>
  error instanceof postgres.PostgresError && /unsupported startup parameter/.test(error.message)

interface Settled {
  is_standby: boolean
  is_read_only: boolean
  is_bound: boolean
  limit_ms: string
}

/**
 * Looks whether the server can be written, and puts a connection of our own into the role that serves requests for good,
 * where it may; tells whether it did. Acting for nobody under row-level security, a connection at rest sees and writes
 * nothing. A pooler's is shared, and stays as it is.
 */
const settle = async (
  sql: postgres.Sql,
  { target, statementTimeoutMs }: ConnectionOptions,
): Promise<boolean> => {
  const opening = target.isPooled ? sql`` : sql.unsafe(settleSession(statementTimeoutMs))
  const results = await sql<[Settled]>`
    ${opening}
    select pg_catalog.pg_is_in_recovery() as is_standby,
      pg_catalog.current_setting('transaction_read_only') = 'on' as is_read_only,
      not (rolsuper or rolbypassrls) as is_bound,
      1000 * extract(epoch from pg_catalog.current_setting('statement_timeout')::interval) as limit_ms
    from pg_catalog.pg_roles
    where rolname = current_user`.simple()
  // Of two commands in one message the driver gives a list of results.
  const [found] = results.flat()
  if (!found) throw new Error('the current role is not in pg_roles')
  refuseReadOnly(found)
  if (target.isPooled) return false
  if (Number(found.limit_ms) !== statementTimeoutMs) throw hiddenPooler('it ignores statement_timeout')
  return found.is_bound
}
