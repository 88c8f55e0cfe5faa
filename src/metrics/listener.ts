import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bearerCheck } from './bearer.js'
import type { Exposition } from './metrics.js'

interface ListenerOptions {
  host: string
  /** 0: the system chooses */
  port: number
  /** whom it answers; default: everybody */
  token: string | undefined
  exposition: Exposition
}

interface Answer {
  status: number
  headers?: Record<string, string>
  body?: string
}

/** A scraper has one connection; more than these are a mistake. */
const maxConnections = 100

const answerTo = async (
  { method = '', url = '', headers }: IncomingMessage,
  { exposition }: ListenerOptions,
  mayRead: (authorization: string | undefined) => boolean,
): Promise<Answer> => {
  if (url.split('?', 1)[0] !== '/metrics') return { status: 404 }
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, headers: { allow: 'GET, HEAD' } }
  if (!mayRead(headers.authorization)) return { status: 401, headers: { 'www-authenticate': 'Bearer' } }
  return { status: 200, headers: { 'content-type': exposition.contentType }, body: await exposition.read() }
}

const close = async (server: Server): Promise<void> => {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

/** Serves `/metrics` at an address of its own, which need not be reachable for users. Rejects when it cannot listen there. */
export const listenForScrapers = async (
  options: ListenerOptions,
): Promise<{ url: string; close(): Promise<void> }> => {
  const mayRead = options.token === undefined ? () => true : bearerCheck(options.token)
  const server = createServer({ requestTimeout: 10_000 }, async (request, response) => {
    const { status, headers, body } = await answerTo(request, options, mayRead).catch(
      (): Answer => ({ status: 500 }),
    )
    response.writeHead(status, { 'cache-control': 'no-store', ...headers }).end(body)
  })
  server.maxConnections = maxConnections
  server.listen(options.port, options.host)
  await once(server, 'listening')
  const { address, family, port } = server.address() as AddressInfo
  const host = family === 'IPv6' ? `[${address}]` : address
  return { url: `http://${host}:${port}/metrics`, close: () => close(server) }
}
