import accepts from '@fastify/accepts'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Database } from './db/database.js'
import { readContract, readSiteDocuments } from './docs/site-documents.js'
import { createHandlers } from './handlers/handlers.js'
import { type AuthenticationOptions, authorize, registerAuthentication } from './http/authentication.js'
import { bindContract, type Contract } from './http/binding.js'
import { acceptOnlyJson } from './http/body.js'
import { type ChatPage, serveChatPage } from './http/chat-page.js'
import { sendInChunks } from './http/chunked-body.js'
import { allowOrigins, isPreflight } from './http/cors.js'
import type { DemoUser } from './http/docs-page.js'
import { serveDocuments } from './http/documents.js'
import { type MetricsPage, serveMetrics } from './http/metrics-page.js'
import { commonHeaders, registerProblemResponses } from './http/problem-responses.js'
import { checkRequest } from './http/request-checks.js'
import { traceRequests } from './http/trace-requests.js'
import { createAjv, createValidatorCompiler } from './http/validation.js'
import { type Metrics, noMetrics } from './metrics/metrics.js'
import type { Model } from './models/model.js'
import type { Prices } from './models/prices.js'
import { Problem } from './problems.js'
import { databasesOf, type ReadReplica } from './read-databases.js'
import { createReadinessCheck } from './readiness.js'
import { createSearchIndexer } from './search/indexer.js'
import type { PublicJwk } from './tools/signing-keys.js'
import type { ToolRegistry } from './tools/tool.js'
import type { Tracing } from './tracing/tracing.js'
import { type Assistant, createAssistants } from './turns/assistants.js'
import { createTurnEngine } from './turns/engine.js'
import type { InstanceLimits, TotalBudget } from './turns/limits.js'
import type { RetentionRule } from './turns/retention-rule.js'
import type { TitleMaker, TurnLimits } from './turns/types.js'
import { type LimitRules, limitsOf } from './turns/user-rules.js'
import { createUpdates } from './updates/updates.js'

export interface ChatOptions {
  db: Database
  /** default: everything is read on the primary */
  readReplica?: ReadReplica | undefined
  model: Model
  /** the models that a message may choose by name, besides the default */
  otherModels?: readonly Model[]
  /** what the models cost; default: nothing is known of it */
  prices?: Prices | undefined
  /** how long an answer may be at most, in tokens, where a budget has to be kept */
  maxOutputTokens?: number | undefined
  systemPrompt?: string | undefined
  /** those that a conversation may begin with */
  assistants?: readonly Assistant[] | undefined
  /** the claims of a token that their prompts have */
  promptClaims?: readonly string[] | undefined
  /** the day that their prompts have */
  today?: (() => Date) | undefined
  /** the models' tools; closed with the app */
  tools?: ToolRegistry | undefined
  /** the public keys with which tool servers verify our tokens */
  toolKeys?: PublicJwk[]
  /** how new conversations get their titles; default: from their first message */
  titles?: TitleMaker
  /** whether what has fallen out of the history window is summed up; default: no */
  compact?: boolean
  limits: TurnLimits
  /** what the turns of each user are counted against; default: nothing */
  userLimits?: LimitRules | undefined
  /** what all users together may spend; default: as much as they like */
  totalBudget?: TotalBudget | undefined
  /** the claim of a token that names its user's plan */
  planClaim?: string | undefined
  /** how long conversations are kept; default: for ever */
  retention?: RetentionRule | undefined
  /** what this instance takes on at once; default: no limit */
  instanceLimits?: InstanceLimits | undefined
  auth: Omit<AuthenticationOptions, 'isUserId'>
  corsOrigins: string[]
  /** in development: who tries things out at /docs */
  demoUser?: DemoUser | undefined
  /** the chat page at `/`; default: none */
  page?: ChatPage | undefined
  log: FastifyBaseLogger
  /** default: nothing is traced */
  tracing?: Tracing | undefined
  /** how long running turns may take to finish when the app closes */
  shutdownMs: number
  /**
   * Aborted some time before the app closes. From then on the instance is not ready and its responses close their connections, but it
   * serves what still comes.
   */
  lameDuck?: AbortSignal | undefined
  /** how long a stream may be silent, and how long a client may leave pending data unread */
  streamTimeouts?: { heartbeatMs: number; stalledMs: number }
  /** hears of what happens; default: nobody */
  metrics?: Metrics | undefined
  /** who gets the metrics at `/metrics`; default: nobody */
  metricsPage?: MetricsPage | undefined
}

/** Where the chat is served. */
interface Site {
  /** what the paths begin with, without a trailing slash; default: nothing */
  prefix?: string
  /** whether the contract and its reference page are served; default: yes */
  documents?: boolean
  /** whether a request came on a connection past the maximum */
  isOverflow?: (request: FastifyRequest) => boolean
}

const servedWhileClosing = new Set<string | undefined>(['getLiveness', 'getToolKeys'])
const servedWhileFull = new Set<string | undefined>([...servedWhileClosing, 'getReadiness'])

export const defaultStreamTimeouts = { heartbeatMs: 15_000, stalledMs: 30_000 }

interface ChatContract extends Contract {
  components: { schemas: { UserId: object } }
}

/** Asks the client to close the connection, which HTTP/2 does by itself. */
const closeConnection = ({ raw }: FastifyRequest, reply: FastifyReply): void => {
  if (raw.httpVersionMajor < 2) reply.header('connection', 'close')
}

/**
 * Makes a fastify instance, which has nothing else on it, answer the chat's requests. The order of registration is the order
 * of processing.
 */
export const registerChat = async (app: FastifyInstance, options: ChatOptions & Site): Promise<void> => {
  const {
    db,
    prefix = '',
    documents = true,
    isOverflow = () => false,
    metrics = noMetrics,
    tracing,
  } = options
  const json = await readContract()
  const site = documents ? { ...(await readSiteDocuments(json, prefix)), prefix } : undefined
  const contract = JSON.parse(json) as ChatContract
  const isUserId = createAjv().compile<string>(contract.components.schemas.UserId)
  const { systemPrompt, model, today: now } = options
  const assistants = createAssistants({ assistants: options.assistants, model, systemPrompt, now })
  const { heartbeatMs } = options.streamTimeouts ?? defaultStreamTimeouts
  const turns = createTurnEngine({ ...options, ...options.limits, systemPrompt, assistants, heartbeatMs })
  const updates = createUpdates({
    db,
    watchLapsed: turns.watchLapsed,
    heartbeatMs,
    log: options.log,
    metrics,
  })
  const search = createSearchIndexer({ db, log: options.log })
  let closing = false

  if (tracing) traceRequests(app, tracing)
  sendInChunks(app)
  app.setValidatorCompiler(createValidatorCompiler())
  app.setSerializerCompiler(() => JSON.stringify)
  acceptOnlyJson(app)
  app.register(accepts)

  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(commonHeaders(request.id))
    // No upgrades: Node reads no further request on a connection after one with an Upgrade header.
    if (request.headers.upgrade) closeConnection(request, reply)
    done()
  })
  allowOrigins(app, options.corsOrigins)
  app.addHook('onRequest', checkRequest)
  registerProblemResponses(app)
  app.addHook('onRequest', (request, reply, done) => {
    // The client's next request then goes to another instance.
    if (options.lameDuck?.aborted) closeConnection(request, reply)
    // Draining turns may still call tools, whose servers verify our tokens with these keys.
    if (!closing || servedWhileClosing.has(request.routeOptions.config?.operationId)) return done()
    closeConnection(request, reply)
    throw new Problem('shutting-down')
  })
  app.addHook('onRequest', (request, reply, done) => {
    if (!isOverflow(request)) return done()
    closeConnection(request, reply)
    if (servedWhileFull.has(request.routeOptions.config?.operationId)) return done()
    throw new Problem('too-many-connections')
  })
  app.addHook('onResponse', (request, reply, done) => {
    // Closing the server ends only the connections that are idle at that moment; later ones would keep it open.
    if (closing && request.raw.httpVersionMajor < 2) request.raw.socket.destroySoon?.()
    const { operationId } = request.routeOptions.config ?? {}
    const { statusCode: status, elapsedTime } = reply
    metrics.request({
      operation: operationId,
      status,
      code: request.problemCode,
      seconds: elapsedTime / 1_000,
    })
    request.log.info(
      {
        operation: operationId ?? (isPreflight(request) ? 'preflight' : undefined),
        status,
        ms: Math.round(elapsedTime),
        ...(request.refusal && { refusal: request.refusal }),
      },
      'request',
    )
    done()
  })

  const { userLimits, planClaim, promptClaims = [] } = options
  const claims = [...promptClaims, ...(planClaim === undefined ? [] : [planClaim])]
  const authenticate = registerAuthentication(app, { ...options.auth, isUserId, claims })
  const models = [options.model, ...(options.otherModels ?? [])].map(({ name }) => name)
  const checkReady = createReadinessCheck(options)
  const handlers = createHandlers({
    ...databasesOf(options),
    turns,
    search,
    updates,
    now: options.auth.now ?? Date.now,
    retention: options.retention,
    models,
    currency: options.prices?.currency ?? null,
    assistants,
    checkReady,
    toolKeys: options.toolKeys ?? [],
    ...(userLimits && {
      limitsOf: ({ id, claims }) => limitsOf(userLimits, id, planClaim && claims?.[planClaim]),
    }),
  })
  bindContract(app, {
    contract,
    handlers,
    authenticate: [authenticate, authorize],
    prefix,
    consistencyToken: options.readReplica?.positions.latest,
    maxStreams: options.instanceLimits?.openStreams,
    metrics,
  })
  if (site) serveDocuments(app, { ...site, demoUser: options.demoUser })
  if (options.page) serveChatPage(app, options.page, prefix)
  if (options.metricsPage) serveMetrics(app, options.metricsPage, prefix)

  const pruning = new AbortController()
  app.addHook('onReady', async () => void turns.keepPruned(pruning.signal))
  app.addHook('preClose', async () => {
    closing = true
    pruning.abort()
    updates.close()
    await Promise.all([turns.drain(options.shutdownMs), search.stop()])
  })
  app.addHook('onClose', async () => options.tools?.close())
}
