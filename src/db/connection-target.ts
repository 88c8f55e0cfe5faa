import postgres from 'postgres'

/** Parameters of a URL that the driver or the server understands; it would send any other one to the server, who refuses. */
const known = new Set(['ssl', 'sslmode', 'sslnegotiation', 'application_name', 'options'])
/** What `target_session_attrs` may say: each lets a server be one that can be written, which is what is needed. */
const writable = new Set(['any', 'read-write', 'primary', 'prefer-standby'])
/** Ports by convention: PgBouncer's and Supabase's pooler in transaction mode. */
const poolerPorts = new Set([6432, 6543])

/** A URL that can be read and does not fit; the message goes on after "must be". */
export class UnfitUrl extends Error {}

export type Prepare = 'auto' | 'on' | 'off'

export interface Host {
  host: string
  port: number
}

export interface Target {
  url: string
  hosts: Host[]
  /** a pooler in transaction mode: no state of a session survives, and startup parameters are refused */
  isPooled: boolean
  prepare: boolean
}

/** Reads a connection URL (several hosts are allowed) and finds out whether it leads to a pooler. */
export const readTarget = (url: string, prepare: Prepare): Target => {
  const [address = '', query] = url.split('?')
  const parameters = new URLSearchParams(query)
  const saysPooler = parameters.get('pgbouncer') === 'true'
  const attributes = parameters.get('target_session_attrs') ?? 'any'
  if (!writable.has(attributes)) {
    throw new UnfitUrl(
      `one of a server that can be written: its target_session_attrs may be ${[...writable].join(', ')}, or be left out`,
    )
  }
  for (const name of [...parameters.keys()]) if (!known.has(name)) parameters.delete(name)
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
    // Whoever turns preparing off has a pooler that its URL does not show.
    isPooled: isPooler || prepare === 'off',
    prepare: prepare === 'auto' ? !isPooler : prepare === 'on',
  }
}
