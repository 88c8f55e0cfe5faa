import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { requestSpan } from '../tracing/conventions.js'
import type { TraceSpan, Tracing } from '../tracing/tracing.js'
import type { OperationId } from './handler.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** undefined where it is not traced */
    span: TraceSpan | undefined
  }
}

/** Probes come every few seconds, and say nothing that a trace could explain. */
const untraced = new Set<OperationId | undefined>(['getLiveness', 'getReadiness'])

const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

/** Those of the path, which nobody has judged yet: what is no id may be any text. */
const idsIn = (params: unknown) => {
  const { conversation_id, turn_id } = (params ?? {}) as Record<string, string | undefined>
  const idOrNone = (text = '') => (uuid.test(text) ? text : undefined)
  return { conversationId: idOrNone(conversation_id), turnId: idOrNone(turn_id) }
}

const beginSpan = (tracing: Tracing, request: FastifyRequest): TraceSpan => {
  const { routeOptions, method, raw, protocol, params, headers } = request
  const operation = routeOptions.config?.operationId
  return tracing.start({
    ...requestSpan({
      method,
      // As the contract writes it, below any prefix.
      route: routeOptions.url?.replace(/:(\w+)/g, '{$1}'),
      operation,
      scheme: protocol,
      protocolVersion: raw.httpVersion,
      ids: idsIn(params),
    }),
    received: headers,
  })
}

const endSpan = (span: TraceSpan, request: FastifyRequest, { raw, statusCode }: FastifyReply): void => {
  span.set({
    'http.response.status_code': raw.headersSent ? statusCode : undefined,
    'colloquy.problem.code': request.problemCode ?? undefined,
  })
  // A turn goes on when its client has gone away.
  if (!raw.writableFinished) span.event('the client has gone away')
  if (statusCode >= 500) span.fail(request.problemCode ?? String(statusCode))
  span.end()
}

/** Traces each request until its response is sent, a stream's to its end. Has to come before the hooks that do something. */
export const traceRequests = (app: FastifyInstance, tracing: Tracing): void => {
  app.decorateRequest('span', undefined)
  app.addHook('onRequest', (request, reply, done) => {
    if (untraced.has(request.routeOptions.config?.operationId)) return done()
    const span = beginSpan(tracing, request)
    request.span = span
    reply.raw.once('close', () => endSpan(span, request, reply))
    span.run(done)
  })
}
