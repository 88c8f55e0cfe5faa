import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyServerOptions, LogController } from 'fastify'
import { type ChatOptions, defaultStreamTimeouts, registerChat } from './chat.js'
import { limitConnections, serializeRequests, trackResponses } from './http/connections.js'
import { createConnectionErrorHandler, sendProblem } from './http/problem-responses.js'
import { maxUrlLength } from './http/request-checks.js'
import { newId } from './new-id.js'

export interface AppOptions extends ChatOptions {
  /** how long a request may take to arrive: its headers, and the whole request */
  arrivalTimeouts?: { headersMs: number; requestMs: number; checkEveryMs: number }
  /** maximum number of connections */
  maxConnections?: number
}

/** How long closing may take after the running turns have ended or were stopped. */
const closeMarginMs = 30_000
const defaultTimeouts = { headersMs: 10_000, requestMs: 30_000, checkEveryMs: 1_000 }
const defaultMaxConnections = 4_000

/** What the chat needs of fastify, whoever accepts the connections. */
const fastifyOptions = ({ log, shutdownMs }: ChatOptions) =>
  ({
    loggerInstance: log,
    // Requests are logged by the chat, one line each, without the URL, which may contain user text.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    genReqId: newId,
    exposeHeadRoutes: true,
    // The chat answers requests that arrive while turns drain, with a problem.
    return503OnClosing: false,
    // It also bounds closing, which waits for running turns.
    pluginTimeout: shutdownMs + closeMarginMs,
    routerOptions: { maxParamLength: maxUrlLength },
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply),
  }) satisfies FastifyServerOptions

const createServer = (options: AppOptions) => {
  const { arrivalTimeouts = defaultTimeouts } = options
  let pendingOn = (_socket: Socket): ServerResponse[] => []
  const app = Fastify({
    ...fastifyOptions(options),
    requestTimeout: arrivalTimeouts.requestMs,
    clientErrorHandler: createConnectionErrorHandler((socket) => pendingOn(socket)),
    http: {
      maxHeaderSize: 16_384,
      headersTimeout: arrivalTimeouts.headersMs,
      connectionsCheckingInterval: arrivalTimeouts.checkEveryMs,
      // checkRequest does this, with a problem as its response.
      requireHostHeader: false,
    },
  })
  pendingOn = trackResponses(app.server)
  app.addHook('onRequest', serializeRequests(pendingOn))
  // By default Node drops headers past the 2,000th, which could hide a repeated one. maxHeaderSize bounds them.
  app.server.maxHeadersCount = 0
  // A client may half-close after its request and wait for the response. The property is missing in Node's types.
  Object.assign(app.server, { httpAllowHalfOpen: true })
  // Node answers an unknown Expect header with a bare 417; RFC 9110 allows ignoring it.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  return app
}

/** Builds the server: the chat, and the limits of its connections. */
export const buildApp = async (options: AppOptions): Promise<FastifyInstance> => {
  const { maxConnections = defaultMaxConnections, streamTimeouts = defaultStreamTimeouts, log } = options
  const app = createServer(options)
  const limits = { maxConnections, stalledMs: streamTimeouts.stalledMs }
  await registerChat(app, { ...options, isOverflow: limitConnections(app, limits, log) })
  return app
}

export interface MountedChat {
  /** answers what `routing` is given; it listens nowhere */
  chat: FastifyInstance
  /** the methods of each of its paths, as fastify writes them */
  routes: ReadonlyMap<string, readonly string[]>
}

/** Builds the chat for a server that is somebody else's, which accepts the connections and passes requests on. */
export const buildMountedChat = async (
  options: ChatOptions & { prefix: string; documents: boolean },
): Promise<MountedChat> => {
  const chat = Fastify(fastifyOptions(options))
  const routes = new Map<string, string[]>()
  chat.addHook('onRoute', ({ url, method }) => {
    // The CORS plugin's preflight route is not a path.
    if (url !== '*') routes.set(url, [...(routes.get(url) ?? []), ...[method].flat()])
  })
  await registerChat(chat, options)
  await chat.after()
  return { chat, routes }
}
