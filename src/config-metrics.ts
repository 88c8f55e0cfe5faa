import { z } from 'zod'
import type { EnvironmentReader } from './environment.js'

export interface MetricsConfig {
  /** a listener of its own; undefined: none */
  listener: { host: string; port: number } | undefined
  /** whom `/metrics` answers; undefined: everybody who reaches the listener */
  token: string | undefined
}

/** What a bearer token may consist of (RFC 6750, section 2.1). */
const bearerToken = z.string().regex(/^[\w.~+/-]{16,}=*$/)

/** Who may read the metrics, and where: at a port of their own, or with a token where the chat is. Undefined: nobody. Throws ConfigError. */
export const readMetrics = ({ text, parse, integer }: EnvironmentReader): MetricsConfig | undefined => {
  const isListening = text('CHAT_METRICS_PORT') !== undefined
  const port = integer('CHAT_METRICS_PORT', 0, 0, 65_535)
  const host = text('CHAT_METRICS_HOST') ?? '127.0.0.1'
  const token = parse(
    'CHAT_METRICS_TOKEN',
    bearerToken,
    'at least 16 letters, digits and any of -._~+/, such as `openssl rand -hex 32` prints',
  )
  if (!isListening && token === undefined) return undefined
  return { listener: isListening ? { host, port } : undefined, token }
}
