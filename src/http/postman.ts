import type { FastifyRequest } from 'fastify'
import { type DemoUser, isLocal } from './docs-page.js'

interface Collection {
  variable: { key: string; value: string }[]
}

/** Where the client has found this server; undefined when it does not say. Proxies that end TLS say so. */
const originOf = ({ headers, host, protocol }: FastifyRequest): string | undefined => {
  const [forwarded] = String(headers['x-forwarded-proto'] ?? '').split(',')
  return host ? `${forwarded?.trim() === 'https' ? 'https' : protocol}://${host}` : undefined
}

/** The collection for who asks: with this server's address and, in development, from this machine, with the demo user. */
export const collectionFor = (
  collection: Collection,
  request: FastifyRequest,
  prefix: string,
  demoUser?: DemoUser,
): Collection => {
  const origin = originOf(request)
  const values: Record<string, string> = {
    ...(origin && { baseUrl: `${origin}${prefix}` }),
    ...(demoUser && isLocal(request) && { user_id: demoUser.id, token: demoUser.token }),
  }
  const variable = collection.variable.map((entry) => ({ ...entry, value: values[entry.key] ?? entry.value }))
  return { ...collection, variable }
}
