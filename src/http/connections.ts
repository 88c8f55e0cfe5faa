import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

export interface ConnectionLimits {
  /** how many connections are served at once; more are told to come back, so that probes still get their answer */
  maxConnections: number
  /** how long a client may take nothing of what waits for it */
  stalledMs: number
}

/** Past the maximum so many more are let in to be told so; the system's own backlog is all that the rest get. */
const overflowAllowance = (maxConnections: number): number => Math.max(20, Math.ceil(maxConnections / 10))
const logEveryMs = 10_000

/** The responses of each connection that are not yet sent, in the order of their requests. */
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
 * Cuts every connection whose client has taken nothing for `stalledMs` of what waits for it, whatever is written meanwhile. A socket's
 * own timer begins anew with each write, and with each half of a write that the system takes.
 */
const destroyStalled = (sockets: ReadonlySet<Socket>, stalledMs: number): NodeJS.Timeout => {
  const seen = new WeakMap<Socket, { taken: number; at: number }>()
  const sweep = () => {
    const now = performance.now()
    for (const socket of sockets) {
      const taken = socket.bytesWritten - socket.writableLength
      const last = seen.get(socket)
      if (socket.writableLength === 0 || taken !== last?.taken) seen.set(socket, { taken, at: now })
      else if (now - last.at >= stalledMs) socket.destroy()
    }
  }
  return setInterval(sweep, Math.min(1_000, stalledMs / 8)).unref()
}

/** Bounds what clients can hold: connections, and the time for which they read nothing. */
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

  /** whether the request came on a connection past the maximum, which is still reached */
  return ({ raw: { socket } }: FastifyRequest): boolean =>
    overflow.has(socket) && sockets.size > maxConnections
}

/** Serves the requests of a connection one by one: pipelined ones would hold all of their answers in memory. */
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
