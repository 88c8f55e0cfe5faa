import net from 'node:net'
import postgres, { type Notice } from 'postgres'
import type { ConnectionTarget, Host } from './connection-target.js'
import { connectionError } from './errors.js'
import { assertReplicaOf, identity } from './replica.js'
import { pooledSessionSettings, sessionSettings, sessionSetup } from './settings.js'
import { types } from './type-parsers.js'
import { assertWritable } from './writable.js'

const libpqDefault: Host = { host: 'localhost', port: 5432 }

type OnLost = (connection: Connection) => void

interface ConnectionOptions {
  target: ConnectionTarget
  statementTimeoutMs: number
  lockTimeoutMs: number
  connectTimeoutMs: number
  applicationName: string
  onNotice: (notice: Notice) => void
  /** of a replica: the identity of its primary; undefined: the server has to be a primary */
  replicaOf?: string | undefined
}

export interface Connection {
  sql: postgres.Sql
  /**
   * The session is not shared, and its idle role is bound by row-level security and acts for no user. Statements can be
   * pipelined: one that runs outside its transaction can neither see nor write a row.
   */
  isRlsBound: boolean
  isAlive(): boolean
  /** bytes received from the server so far */
  bytesRead(): number
  /** the server has the Citus extension's library */
  hasCitus: boolean
  /** closes the socket: all pending statements reject, and no further one runs */
  destroy(): void
  /** closes the session gracefully */
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
 * Opens single connections, each with its own driver instance. The driver's pool is unusable here: with `fetch_types`
 * off, reserve() hangs on a new connection; with it on, a pooler's refusal ends the process; and it reconnects by itself,
 * so that the rest of a lost transaction would run outside any. Each instance gets one socket and never another.
 */
const createHostConnector = (options: ConnectionOptions) => {
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
      // The driver takes the TLS server name from here.
      return Object.assign(socket, { host })
    }
    const onclose = () => {
      isAlive = false
      // Rejects the statements that the driver has queued for a reconnect.
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
      const session = await Promise.race([prepareSession(sql, options), failed])
      const bytesRead = () => socket?.bytesRead ?? 0
      opened = { sql, ...session, isAlive: () => isAlive, bytesRead, destroy, end }
      return opened
    } catch (error) {
      destroy()
      void sql.end({ timeout: 0 })
      throw isRefusedParameter(error) ? undetectedPooler(options, error.message) : error
    } finally {
      clearTimeout(timer)
    }
  }
}

/** The least time per host. */
const minHostMs = 1_000

/**
 * Connects to the first writable host of the URL, or to the first replica, starting with the last one that succeeded. The driver's
 * own host selection checks a single setting, which does not tell every standby from a primary.
 */
export const createConnector = (options: ConnectionOptions) => {
  const { target, connectTimeoutMs } = options
  const hosts = target.hosts.length > 0 ? target.hosts : [libpqDefault]
  const open = createHostConnector(options)
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
    throw hosts.length === 1 ? failures[0]?.error : noUsableHost(options, failures)
  }
}

const variableOf = ({ replicaOf }: ConnectionOptions): string =>
  replicaOf === undefined ? 'DATABASE_URL' : 'DATABASE_READ_URL'

/** One error for all hosts. Its code is the most telling one: that of a server that was reached, if any. */
const noUsableHost = (options: ConnectionOptions, failures: { host: Host; error: Error }[]): Error => {
  const codes = failures.map(({ error }) => ('code' in error ? String(error.code) : ''))
  const code = codes.find((code) => !/^E|^CONNECTION_(?!READ_ONLY|POOLER)/.test(code)) ?? codes[0]
  const words = failures.map(({ host, error }) => `${host.host}:${host.port}: ${error.message}`).join('; ')
  return Object.assign(new Error(`no host of ${variableOf(options)} is usable: ${words}`), { code })
}

const undetectedPooler = (options: ConnectionOptions, sign: string): Error =>
  connectionError(
    'POOLER',
    `${variableOf(options)} points at a transaction-mode pooler that the URL does not reveal (${sign}): ` +
      'set DATABASE_PREPARE=off, or add pgbouncer=true to the parameters of the URL',
  )

/** A pooler accepts few startup parameters; it refuses the others or ignores them silently. */
const isRefusedParameter = (error: unknown): error is Error =>
  error instanceof postgres.PostgresError && /unsupported startup parameter/.test(error.message)

interface SessionState {
  is_standby: boolean
  is_read_only: boolean
  is_rls_bound: boolean
  has_citus: boolean
  limit_ms: string
  identity?: string
}

/**
 * Rejects a read-only server, or what is no replica where one is wanted, and switches an unshared connection permanently to
 * the role that serves requests, where the login may. A pooler's connections are shared and stay as they are.
 */
const prepareSession = async (
  sql: postgres.Sql,
  options: ConnectionOptions,
): Promise<Pick<Connection, 'isRlsBound' | 'hasCitus'>> => {
  const { target, statementTimeoutMs, replicaOf } = options
  const opening = target.isPooled ? sql`` : sql.unsafe(sessionSetup(statementTimeoutMs))
  const results = await sql<[SessionState]>`
    ${opening}
    select pg_catalog.pg_is_in_recovery() as is_standby,
      pg_catalog.current_setting('transaction_read_only') = 'on' as is_read_only,
      not (rolsuper or rolbypassrls) as is_rls_bound,
      pg_catalog.current_setting('citus.propagate_set_commands', true) is not null as has_citus,
      1000 * extract(epoch from pg_catalog.current_setting('statement_timeout')::interval) as limit_ms
      ${replicaOf === undefined ? sql`` : sql`, ${sql.unsafe(identity)} as identity`}
    from pg_catalog.pg_roles
    where rolname = current_user`.simple()
  // The driver returns a list of results for a message with two commands.
  const [found] = results.flat()
  if (!found) throw new Error('the current role is not in pg_roles')
  if (replicaOf === undefined) assertWritable(found)
  else assertReplicaOf(replicaOf, found)
  const hasCitus = found.has_citus
  if (target.isPooled) return { isRlsBound: false, hasCitus }
  if (Number(found.limit_ms) !== statementTimeoutMs)
    throw undetectedPooler(options, 'it ignores statement_timeout')
  return { isRlsBound: found.is_rls_bound, hasCitus }
}
