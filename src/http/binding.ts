import { setMaxListeners } from 'node:events'
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  onRequestAsyncHookHandler,
  onRequestHookHandler,
  preValidationHookHandler,
  RouteHandlerMethod,
} from 'fastify'
import { fastifyOpenapiGlue } from 'fastify-openapi-glue'
import { operations } from '../../generated/bindings.js'
import type { Metrics } from '../metrics/metrics.js'
import { Problem } from '../problems.js'
import { hasBody, streamedType } from './body.js'
import type { Handlers, OperationId, Reply } from './handler.js'
import { sendProblem } from './problem-responses.js'
import { SseStream, sendSse } from './sse.js'
import { sendText, TextStream } from './text-stream.js'

/** The bundled contract, as parsed JSON. */
export interface Contract {
  paths: Record<string, Record<string, object>>
}

interface BindingOptions {
  contract: Contract
  handlers: Handlers
  /** runs before the body is read, on every operation that requires a token */
  authenticate: (onRequestHookHandler | onRequestAsyncHookHandler)[]
  /** what the paths begin with */
  prefix: string
  /** how many streams may be open at once; default: no limit */
  maxStreams?: number | undefined
  metrics: Pick<Metrics, 'gauge'>
  /** a token for all that the server has read or written so far; undefined: there is none */
  consistencyToken?: (() => string | undefined) | undefined
}

/** Any operation's handler, for code that is generic over operations. Its input was validated before. */
type AnyHandler = (request: never, reply: typeof makeReply) => Promise<Reply<OperationId> | Problem>

const makeReply = (status: number, body?: unknown, headers: Record<string, string> = {}) =>
  ({ status, body, headers }) as Reply<OperationId>

const bodyError = (code: 'required' | 'unknown', message: string): Problem =>
  new Problem('validation-failed', { errors: [{ path: '/body', code, message }] })

/** The router matches `/conversations/` as a conversation with an empty id; the contract has no such path. */
const rejectEmptyParameter: onRequestHookHandler = ({ params }, reply, done) => {
  if (Object.values(params as object).includes('')) reply.callNotFound()
  else done()
}

const rejectBody: onRequestHookHandler = (request, _reply, done) => {
  if (hasBody(request)) throw bodyError('unknown', 'this operation takes no body')
  // Without a body it means nothing, and fastify would look for a parser for it.
  delete request.raw.headers['content-type']
  done()
}

/** Rejects a body of another media type than the operation's; what is none at all is up to the parsers. */
const acceptOnly =
  (types: readonly string[]): onRequestHookHandler =>
  ({ headers }, _reply, done) => {
    const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
    if (type !== undefined && !types.includes(type)) throw new Problem('unsupported-media-type')
    done()
  }

/** Has the body read as a stream, whichever of the operation's media types it has: fastify chooses the parser by the type. */
const streamBody: onRequestHookHandler = ({ raw }, _reply, done) => {
  const [, ...parameters] = raw.headers['content-type']?.split(';') ?? []
  raw.headers['content-type'] = [streamedType, ...parameters].join(';')
  done()
}

const requireBody: preValidationHookHandler = (request, _reply, done) => {
  if (request.body === undefined) throw bodyError('required', 'is required')
  done()
}

/** The parameters of a media range except its weight (RFC 9110, section 12.5.1). Our media types have none, so they are ignored. */
const parameter = /;\s*(?!q\s*=)[^\s=;,"]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^;,"]*)/gi

/** The client's preferred media type. A client that accepts none of them gets the first, as RFC 9110 allows. */
const negotiateMediaType = (request: FastifyRequest, [...types]: readonly string[]): string | undefined => {
  const { accept } = request.raw.headers
  if (accept === undefined) return types[0]
  request.raw.headers.accept = accept.replace(parameter, '')
  const best = request.accepts().type(types)
  return typeof best === 'string' ? best : types[0]
}

/** Counts the streams that are open, those included that are about to be. */
const createStreamCounter = (max: number, metrics: BindingOptions['metrics']) => {
  let open = 0
  /** Counts those of one operation. */
  return (operationId: OperationId) => {
    let own = 0
    metrics.gauge('open_streams', () => own, operationId)
    return ({ raw }: FastifyReply): void => {
      if (open >= max) throw new Problem('instance-overloaded')
      open += 1
      own += 1
      raw.once('close', () => {
        open -= 1
        own -= 1
      })
    }
  }
}

const routeHandler =
  (
    handler: AnyHandler,
    { headers: headerNames, produces }: (typeof operations)[OperationId],
    closing: AbortSignal,
    countStream: (reply: FastifyReply) => void,
    consistencyToken: () => string | undefined,
  ): RouteHandlerMethod =>
  async (request, reply) => {
    const { params, query, body, log } = request
    const user = request.caller ?? undefined
    const headers = Object.fromEntries(headerNames.map((name) => [name, request.headers[name.toLowerCase()]]))
    const mediaType = produces.length > 1 ? negotiateMediaType(request, produces) : produces[0]
    if (mediaType === 'text/event-stream') countStream(reply)
    const result = await handler({ params, query, headers, body, mediaType, log, user } as never, makeReply)
    if (result instanceof Problem) return sendProblem(result, request, reply)
    reply.code(result.status).headers(result.headers)
    // It begins before what it will show: no token stands for that.
    if (result.body instanceof SseStream) return sendSse(result.body, reply)
    const token = consistencyToken()
    if (token !== undefined && !reply.hasHeader('consistency-token')) reply.header('consistency-token', token)
    if (result.body instanceof TextStream) return sendText(result.body, reply, closing)
    return result.body === undefined ? reply.send() : result.body
  }

const noToken = () => undefined

/** Answers of a user's operations, but for those that are nothing but a stream of events. */
const tellsToken = ({ secured, produces }: (typeof operations)[OperationId]): boolean =>
  secured && (produces.length === 0 || produces.some((type) => type !== 'text/event-stream'))

/**
 * Handlers' responses are sent as they are, so the glue need not compile serializers for their schemas; and a body that is a
 * stream is judged by its handler.
 */
const withoutUnused = (contract: Contract): Contract => {
  const isStreamed = (operation: object) =>
    streamedType in ((operation as { requestBody?: { content?: object } }).requestBody?.content ?? {})
  const bare = (item: Record<string, object>) =>
    Object.fromEntries(
      Object.entries(item).map(([key, value]) => [
        key,
        'responses' in value
          ? {
              ...value,
              responses: { default: { description: 'any' } },
              ...(isStreamed(value) && { requestBody: undefined }),
            }
          : value,
      ]),
    )
  const paths = Object.entries(contract.paths).map(([path, item]) => [path, bare(item)])
  return { ...contract, paths: Object.fromEntries(paths) }
}

/** Registers a route for every operation of the contract. */
export const bindContract = (app: FastifyInstance, options: BindingOptions): void => {
  const closing = new AbortController()
  // Every answer that is being sent listens to it.
  setMaxListeners(0, closing.signal)
  app.addHook('preClose', async () => closing.abort())
  const countStream = createStreamCounter(options.maxStreams ?? Number.POSITIVE_INFINITY, options.metrics)
  const operationResolver = (id: string) => {
    const operationId = id as OperationId
    const operation = operations[operationId]
    return {
      method: operation.method,
      url: operation.path.replace(/\{(\w+)\}/g, ':$1'),
      onRequest: [
        rejectEmptyParameter,
        ...(operation.secured ? options.authenticate : []),
        operation.consumes.length > 0 ? acceptOnly(operation.consumes) : rejectBody,
        ...((operation.consumes as readonly string[]).includes(streamedType) ? [streamBody] : []),
      ],
      preValidation: operation.consumes.length > 0 ? [requireBody] : [],
      // RFC 9110, section 9.3.2; the response to a stream would have no end.
      exposeHeadRoute: operation.produces.every((type) => type === 'application/json'),
      handler: routeHandler(
        options.handlers[operationId] as AnyHandler,
        operation,
        closing.signal,
        (operation.produces as readonly string[]).includes('text/event-stream')
          ? countStream(operationId)
          : () => {},
        tellsToken(operation) ? (options.consistencyToken ?? noToken) : noToken,
      ),
      config: { operationId },
    }
  }
  // Operations that declare no query parameters reject all of them.
  app.addHook('onRoute', ({ schema, config }) => {
    if (config?.operationId && schema) schema.querystring ??= { type: 'object', properties: {} }
  })
  const specification = withoutUnused(options.contract)
  app.register(fastifyOpenapiGlue, { specification, operationResolver, prefix: options.prefix })
}

declare module 'fastify' {
  interface FastifyContextConfig {
    operationId?: OperationId
  }
}
