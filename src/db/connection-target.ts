import postgres from 'postgres'

/** URL parameters that the driver or the server understands. The driver would send any other to the server, which refuses it. */
const knownParameters = new Set(['ssl', 'sslmode', 'sslnegotiation', 'application_name', 'options'])
/** What a URL leads to. */
export type ServerKind = 'primary' | 'replica'
/** The values of `target_session_attrs` that allow the kind of server that is required. */
const sessionAttrs: Record<ServerKind, Set<string>> = {
  primary: new Set(['any', 'read-write', 'primary', 'prefer-standby']),
  replica: new Set(['any', 'read-only', 'standby', 'prefer-standby']),
}
/** Conventional ports of transaction-mode poolers: PgBouncer's and Supabase's. */
const poolerPorts = new Set([6432, 6543])

/** A valid URL with unsupported parameters. The message completes "must be …". */
export class UnsupportedUrlError extends Error {}

export type PrepareMode = 'auto' | 'on' | 'off'

export interface Host {
  host: string
  port: number
}

export interface ConnectionTarget {
  url: string
  hosts: Host[]
  /** a transaction-mode pooler: it keeps no session state and refuses startup parameters */
  isPooled: boolean
  prepare: boolean
}

/** Parses a connection URL, which may list several hosts, and detects a pooler by its port, host name or parameters. */
export const parseConnectionUrl = (
  url: string,
  prepare: PrepareMode,
  kind: ServerKind = 'primary',
): ConnectionTarget => {
  const [address = '', query] = url.split('?')
  const parameters = new URLSearchParams(query)
  const saysPooler = parameters.get('pgbouncer') === 'true'
  const attributes = parameters.get('target_session_attrs') ?? 'any'
  if (!sessionAttrs[kind].has(attributes)) {
    throw new UnsupportedUrlError(
      `the URL of a ${kind === 'primary' ? 'writable server' : 'standby'}: target_session_attrs may be ${[...sessionAttrs[kind]].join(', ')} or absent`,
    )
  }
  for (const name of [...parameters.keys()]) if (!knownParameters.has(name)) parameters.delete(name)
  const clean = parameters.size > 0 ? `${address}?${parameters}` : address
  const { host, port } = postgres(clean).options
  const hosts = host.map((name, index) => ({ host: name, port: Number(port[index]) }))
  const looksPooled = hosts.some(
    ({ host, port }) => poolerPorts.has(port) || (host.split('.')[0] ?? '').endsWith('-pooler'),
  )
  const isPooler = saysPooler || looksPooled
  return {
    url: clean,
    hosts,
    // Turning prepared statements off means that there is a pooler which the URL does not reveal.
    isPooled: isPooler || prepare === 'off',
    prepare: prepare === 'auto' ? !isPooler : prepare === 'on',
  }
}
