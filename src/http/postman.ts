import type { FastifyRequest } from 'fastify'
import { type DemoUser, isLocal } from './docs-page.js'

interface Collection {
  variable: { key: string; value: string }[]
}

/** Where the client has found the collection, and so the API. Proxies that end TLS say so. */
const baseUrl = ({ headers, host, protocol, routeOptions }: FastifyRequest): string => {
  const [forwarded] = String(headers['x-forwarded-proto'] ?? '').split(',')
  return `${forwarded?.trim() === 'https' ? 'https' : protocol}://${host}${routeOptions.url?.replace('/postman.json', '')}`
}

/** The collection for who asks: with this server's address and, in development, from this machine, with the demo user. */
export const collectionFor = (
  collection: Collection,
  request: FastifyRequest,
  demoUser?: DemoUser,
): Collection => {
  const values: Record<string, string> = {
    ...(request.host && { baseUrl: baseUrl(request) }),
    ...(demoUser && isLocal(request) && { user_id: demoUser.id, token: demoUser.token }),
  }
  const variable = collection.variable.map((entry) => ({ ...entry, value: values[entry.key] ?? entry.value }))
  return { ...collection, variable }
}
