import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import accepts from '@fastify/accepts'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { singleFlight } from './concurrency/single-flight.js'
import type { Database } from './db/database.js'
import { pendingMigrations, SchemaMismatch } from './db/migrate.js'
import { withProbeTimeout } from './db/probe-timeout.js'
import { createHandlers } from './handlers/handlers.js'
import { type AuthenticationOptions, authorize, registerAuthentication } from './http/authentication.js'
import { bindContract, type Contract } from './http/binding.js'
import { acceptOnlyJson } from './http/body.js'
import { sendInChunks } from './http/chunked-body.js'
import { limitConnections, serializeRequests, trackResponses } from './http/connections.js'
import { allowOrigins, isPreflight } from './http/cors.js'
import { serveDocuments } from './http/documents.js'
import {
  answerWithProblems,
  commonHeaders,
  createConnectionErrorHandler,
  sendProblem,
} from './http/problems.js'
import { checkRequest, maxUrlLength } from './http/request-checks.js'
import { createAjv, createValidatorCompiler } from './http/validation.js'
import type { Model } from './models/model.js'
import { newId } from './new-id.js'
import { Problem } from './problems.js'
import { packageRoot } from './root.js'
import type { PublishedKey } from './tools/signing-keys.js'
import type { ToolSource } from './tools/tool.js'
import { createTurnEngine } from './turns/engine.js'
import type { TitleMaker, TurnLimits } from './turns/types.js'

export interface AppOptions {
  db: Database
  model: Model
  /** whom a message may ask for by name, beside the model that answers otherwise */
  otherModels?: readonly Model[]
  systemPrompt?: string | undefined
  /** what a model may call; closed with the app */
  tools?: ToolSource | undefined
  /** what tool servers verify the tokens with that go to them */
  toolKeys?: PublishedKey[]
  /** what new conversations are called after; their first message, unless told */
  titles?: TitleMaker
  limits: TurnLimits
  auth: Omit<AuthenticationOptions, 'isUserId'>
  corsOrigins: string[]
  log: FastifyBaseLogger
  /** how long running turns may take to finish once the app closes */
  shutdownMs: number
  /** how long a request may take to arrive: its headers, and all of it */
  arrivalTimeouts?: { headersMs: number; requestMs: number; checkEveryMs: number }
  /** how many connections are served at once */
  maxConnections?: number
  /** how long a stream may be silent, and how long a client may take nothing of what waits for it */
  streamTimeouts?: { heartbeatMs: number; stalledMs: number }
}

/** Probes need no token, so however many come, they ask the database once in this time. */
const readinessMs = 1_000

const servedWhileClosing = new Set<string | undefined>(['getLiveness', 'getToolKeys'])
const servedWhileFull = new Set<string | undefined>([...servedWhileClosing, 'getReadiness'])

/** How long closing may take once the running turns have ended, or were stopped. */
const closeMarginMs = 30_000
const defaultTimeouts = { headersMs: 10_000, requestMs: 30_000, checkEveryMs: 1_000 }
const defaultMaxConnections = 4_000
const defaultStreamTimeouts = { heartbeatMs: 15_000, stalledMs: 30_000 }

interface ChatContract extends Contract {
  components: { schemas: { UserId: object } }
}

const createServer = (options: AppOptions) => {
  const { log, arrivalTimeouts = defaultTimeouts, shutdownMs } = options
  let pendingOn = (_socket: Socket): ServerResponse[] => []
  const app = Fastify({
    loggerInstance: log,
    // One line per request, written below, without the URL, which may carry text.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    genReqId: newId,
    exposeHeadRoutes: false,
    // Requests that arrive while turns drain get a problem from the hook below.
    return503OnClosing: false,
    // It bounds the closing too, which waits for running turns.
    pluginTimeout: shutdownMs + closeMarginMs,
    requestTimeout: arrivalTimeouts.requestMs,
    routerOptions: { maxParamLength: maxUrlLength },
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply),
    clientErrorHandler: createConnectionErrorHandler((socket) => pendingOn(socket)),
    http: {
      maxHeaderSize: 16_384,
      headersTimeout: arrivalTimeouts.headersMs,
      connectionsCheckingInterval: arrivalTimeouts.checkEveryMs,
      // Judged by checkRequest, whose answer is a problem.
      requireHostHeader: false,
    },
  })
  pendingOn = trackResponses(app.server)
  app.addHook('onRequest', serializeRequests(pendingOn))
  // Node drops headers past 2,000, and with them a second one of a kind; their bytes are bounded above.
  app.server.maxHeadersCount = 0
  // A client may close its side after the request and wait for the answer. Node has the property, its types do not.
  Object.assign(app.server, { httpAllowHalfOpen: true })
  // Node answers an unknown expectation with a bare 417; RFC 9110 allows ignoring it.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  return app
}

/** The whole server, ready to listen: what is registered here, in this order, is what it does. */
export const buildApp = async (options: AppOptions): Promise<FastifyInstance> => {
  const { db } = options
  const { heartbeatMs, stalledMs } = options.streamTimeouts ?? defaultStreamTimeouts
  const json = await readFile(new URL('generated/openapi.json', packageRoot), 'utf8')
  const yaml = await readFile(new URL('contracts/chat-api.yaml', packageRoot), 'utf8')
  const contract = JSON.parse(json) as ChatContract
  const isUserId = createAjv().compile<string>(contract.components.schemas.UserId)

  const app = createServer(options)
  const turns = createTurnEngine({
    ...options,
    ...options.limits,
    systemPrompt: options.systemPrompt,
    heartbeatMs,
  })
  let closing = false
  const checkSchema = async () => {
    const fits = await pendingMigrations(withProbeTimeout(db)).then(
      (pending) => pending.length === 0,
      (error) => {
        if (error instanceof SchemaMismatch) return false
        throw error
      },
    )
    if (!fits) {
      throw new Problem('database-unavailable', { detail: 'The database has the schema of another version.' })
    }
  }
  const checkReady = singleFlight(readinessMs, checkSchema)

  const isOverflow = limitConnections(
    app,
    { maxConnections: options.maxConnections ?? defaultMaxConnections, stalledMs },
    options.log,
  )
  sendInChunks(app)
  app.setValidatorCompiler(createValidatorCompiler())
  app.setSerializerCompiler(() => JSON.stringify)
  acceptOnlyJson(app)
  app.register(accepts)

  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(commonHeaders(request.id))
    // We speak no other protocol, and Node reads no further request behind one that asks for it.
    if (request.headers.upgrade) reply.header('connection', 'close')
    done()
  })
  allowOrigins(app, options.corsOrigins)
  app.addHook('onRequest', checkRequest)
  answerWithProblems(app)
  app.addHook('onRequest', ({ routeOptions }, reply, done) => {
    // Turns that drain may still call tools, whose servers verify the tokens.
    if (!closing || servedWhileClosing.has(routeOptions.config?.operationId)) return done()
    reply.header('connection', 'close')
    throw new Problem('shutting-down')
  })
  app.addHook('onRequest', (request, reply, done) => {
    if (!isOverflow(request)) return done()
    reply.header('connection', 'close')
    if (servedWhileFull.has(request.routeOptions.config?.operationId)) return done()
    throw new Problem('too-many-connections')
  })
  app.addHook('onResponse', (request, reply, done) => {
    // The server closes the connections that are idle when it is told to; one that becomes idle later would keep it.
    if (closing) request.raw.socket.destroySoon()
    request.log.info(
      {
        operation:
          request.routeOptions.config?.operationId ?? (isPreflight(request) ? 'preflight' : undefined),
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        ...(request.refusal && { refusal: request.refusal }),
      },
      'request',
    )
    done()
  })

  const authenticate = registerAuthentication(app, { ...options.auth, isUserId })
  const handlers = createHandlers({ db, turns, checkReady, toolKeys: options.toolKeys ?? [] })
  bindContract(app, { contract, handlers, authenticate: [authenticate, authorize] })
  serveDocuments(app, { json, yaml })

  const pruning = new AbortController()
  app.addHook('onReady', async () => void turns.keepPruned(pruning.signal))
  app.addHook('preClose', async () => {
    closing = true
    pruning.abort()
    await turns.drain(options.shutdownMs)
  })
  app.addHook('onClose', async () => options.tools?.close())
  return app
}
