import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

interface ConnectionLimits {
  /** maximum number of connections; requests on further ones get a 503, except probes */
  maxConnections: number
  /** how long a client may leave pending data unread */
  stalledMs: number
}

/** Connections accepted past the maximum to answer them with a 503. Further ones wait in the system's backlog. */
const overflowAllowance = (maxConnections: number): number => Math.max(20, Math.ceil(maxConnections / 10))
const logEveryMs = 10_000

/** Tracks each connection's unfinished responses, in the order of their requests. */
export const trackResponses = (server: Server): ((socket: Socket) => ServerResponse[]) => {
  const responses = new WeakMap<Socket, ServerResponse[]>()
  const pendingOn = (socket: Socket) =>
    (responses.get(socket) ?? []).filter(({ writableFinished }) => !writableFinished)
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    responses.set(socket, [...pendingOn(socket), response])
  })
  return pendingOn
}

/**
 * Destroys connections whose client has read none of the pending data for `stalledMs`. A socket's own timeout is of no use:
 * it restarts with each write, and with each part of a write that the system accepts.
 */
export const destroyStalled = (sockets: { keys(): Iterable<Socket> }, stalledMs: number): NodeJS.Timeout => {
  const seen = new WeakMap<Socket, { taken: number; at: number }>()
  const sweep = () => {
    const now = performance.now()
    for (const socket of sockets.keys()) {
      const taken = socket.bytesWritten - socket.writableLength
      const last = seen.get(socket)
      if (socket.writableLength === 0 || taken !== last?.taken) seen.set(socket, { taken, at: now })
      else if (now - last.at >= stalledMs) socket.destroy()
    }
  }
  return setInterval(sweep, Math.min(1_000, stalledMs / 8)).unref()
}

/** Limits the number of connections, and how long a client may read nothing. */
export const limitConnections = (
  app: FastifyInstance,
  { maxConnections, stalledMs }: ConnectionLimits,
  log: Pick<FastifyBaseLogger, 'warn'>,
) => {
  const sockets = new Set<Socket>()
  const overflow = new WeakSet<Socket>()
  let loggedAt = Number.NEGATIVE_INFINITY
  const warn = () => {
    if (performance.now() - loggedAt < logEveryMs) return
    loggedAt = performance.now()
    log.warn({ connections: sockets.size, max: maxConnections }, 'too many connections')
  }
  app.server.maxConnections = maxConnections + overflowAllowance(maxConnections)
  app.server.on('drop', warn)
  app.server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    if (sockets.size <= maxConnections) return
    overflow.add(socket)
    warn()
  })
  const sweeping = destroyStalled(sockets, stalledMs)
  app.addHook('onClose', async () => clearInterval(sweeping))

  /** Whether the request's connection is past the maximum, and the maximum is still exceeded. */
  return ({ raw: { socket } }: FastifyRequest): boolean =>
    overflow.has(socket) && sockets.size > maxConnections
}

/** Handles a connection's requests one at a time: with pipelining, all responses would be held in memory. */
export const serializeRequests =
  (pendingOn: (socket: Socket) => ServerResponse[]) =>
  ({ raw }: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const pending = pendingOn(raw.socket)
    const earlier = pending[pending.indexOf(reply.raw) - 1]
    const serve = () => {
      if (raw.socket.destroyed) reply.hijack()
      done()
    }
    if (earlier) earlier.once('close', serve)
    else serve()
  }
