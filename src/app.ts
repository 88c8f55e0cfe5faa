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
import type { DemoUser } from './http/docs-page.js'
import { serveDocuments } from './http/documents.js'
import {
  commonHeaders,
  createConnectionErrorHandler,
  registerProblemResponses,
  sendProblem,
} from './http/problem-responses.js'
import { checkRequest, maxUrlLength } from './http/request-checks.js'
import { createAjv, createValidatorCompiler } from './http/validation.js'
import type { Model } from './models/model.js'
import { newId } from './new-id.js'
import { Problem } from './problems.js'
import { packageRoot } from './root.js'
import type { PublicJwk } from './tools/signing-keys.js'
import type { ToolRegistry } from './tools/tool.js'
import { createTurnEngine } from './turns/engine.js'
import type { TitleMaker, TurnLimits } from './turns/types.js'

export interface AppOptions {
  db: Database
  model: Model
  /** the models that a message may choose by name, besides the default */
  otherModels?: readonly Model[]
  systemPrompt?: string | undefined
  /** the models' tools; closed with the app */
  tools?: ToolRegistry | undefined
  /** the public keys with which tool servers verify our tokens */
  toolKeys?: PublicJwk[]
  /** how new conversations get their titles; default: from their first message */
  titles?: TitleMaker
  /** whether what has fallen out of the history window is summed up; default: no */
  compact?: boolean
  limits: TurnLimits
  auth: Omit<AuthenticationOptions, 'isUserId'>
  corsOrigins: string[]
  /** in development: who tries things out at /docs */
  demoUser?: DemoUser | undefined
  log: FastifyBaseLogger
  /** how long running turns may take to finish when the app closes */
  shutdownMs: number
  /** how long a request may take to arrive: its headers, and the whole request */
  arrivalTimeouts?: { headersMs: number; requestMs: number; checkEveryMs: number }
  /** maximum number of connections */
  maxConnections?: number
  /** how long a stream may be silent, and how long a client may leave pending data unread */
  streamTimeouts?: { heartbeatMs: number; stalledMs: number }
}

/** Probes need no token, so all of them together query the database only once per this time. */
const readinessMs = 1_000

const servedWhileClosing = new Set<string | undefined>(['getLiveness', 'getToolKeys'])
const servedWhileFull = new Set<string | undefined>([...servedWhileClosing, 'getReadiness'])

/** How long closing may take after the running turns have ended or were stopped. */
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
    // Requests are logged below, one line each, without the URL, which may contain user text.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    genReqId: newId,
    exposeHeadRoutes: true,
    // The hook below answers requests that arrive while turns drain, with a problem.
    return503OnClosing: false,
    // It also bounds closing, which waits for running turns.
    pluginTimeout: shutdownMs + closeMarginMs,
    requestTimeout: arrivalTimeouts.requestMs,
    routerOptions: { maxParamLength: maxUrlLength },
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply),
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

/** Builds the whole server. The order of registration is the order of processing. */
export const buildApp = async (options: AppOptions): Promise<FastifyInstance> => {
  const { db } = options
  const { heartbeatMs, stalledMs } = options.streamTimeouts ?? defaultStreamTimeouts
  const json = await readFile(new URL('generated/openapi.json', packageRoot), 'utf8')
  const yaml = await readFile(new URL('contracts/chat-api.yaml', packageRoot), 'utf8')
  const postman = await readFile(new URL('generated/postman.json', packageRoot), 'utf8')
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
    // No upgrades: Node reads no further request on a connection after one with an Upgrade header.
    if (request.headers.upgrade) reply.header('connection', 'close')
    done()
  })
  allowOrigins(app, options.corsOrigins)
  app.addHook('onRequest', checkRequest)
  registerProblemResponses(app)
  app.addHook('onRequest', ({ routeOptions }, reply, done) => {
    // Draining turns may still call tools, whose servers verify our tokens with these keys.
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
    // Closing the server ends only the connections that are idle at that moment; later ones would keep it open.
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
  const models = [options.model, ...(options.otherModels ?? [])].map(({ name }) => name)
  const handlers = createHandlers({ db, turns, models, checkReady, toolKeys: options.toolKeys ?? [] })
  bindContract(app, { contract, handlers, authenticate: [authenticate, authorize] })
  serveDocuments(app, { json, yaml, postman, demoUser: options.demoUser })

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
