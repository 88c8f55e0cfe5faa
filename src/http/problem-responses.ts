import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { DatabaseUnavailable } from '../db/errors.js'
import { newId } from '../new-id.js'
import type { ProblemCode } from '../problem-catalogue.js'
import { Problem } from '../problems.js'

const mediaType = 'application/problem+json'

/** The problems of fastify's own errors. */
const frameworkCodes: Record<string, ProblemCode> = {
  FST_ERR_BAD_URL: 'malformed-request',
  FST_ERR_MAX_PARAM_LENGTH: 'uri-too-long',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed-request',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
}

/** The headers of every response. */
export const commonHeaders = (requestId: string) => ({
  'x-request-id': requestId,
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
})

const toProblem = (error: unknown): Problem => {
  if (error instanceof Problem) return error
  if (error instanceof DatabaseUnavailable) {
    return new Problem('database-unavailable', { detail: error.detail }, error)
  }
  const { code, statusCode = 500 } = error as FastifyError
  // Our own refusals are Problems, so this is a file outside the reference page's folder.
  if (statusCode === 403) return new Problem('route-not-found')
  const isCallers = statusCode >= 400 && statusCode < 500
  return new Problem(
    frameworkCodes[code] ?? (isCallers ? 'malformed-request' : 'internal-error'),
    {},
    isCallers ? undefined : error,
  )
}

/** The path of a request target (RFC 9112, section 3.2), which may be an absolute URL. */
export const pathOf = (target: string): string =>
  target.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, '').split('?', 1)[0] ?? ''

/** The path as a URI reference (RFC 3986): invalid characters are encoded, and no escape is cut in two. */
const instanceOf = (target: string): string =>
  pathOf(target)
    .replace(/[^\w\-.~!$&'()*+,;=:@/%]/g, (char) => encodeURIComponent(char.toWellFormed()))
    .replace(/%(?![\da-f]{2})/gi, '%25')
    // Two slashes would start an authority.
    .replace(/^\/\//, '/.//')
    .slice(0, 2_000)
    .replace(/%[\da-f]?$/i, '')

/** Responds with a problem. Its cause is internal and goes only to the log. */
export const sendProblem = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const problem = toProblem(error)
  if (request.span) request.problemCode = problem.code
  if (problem.cause !== undefined && !reply.sent) {
    const level = problem.status >= 500 ? 'error' : 'info'
    request.log[level]({ err: problem.cause, code: problem.code }, 'request failed')
  }
  return reply
    .code(problem.status)
    .headers({ ...commonHeaders(request.id), ...problem.headers })
    .type(mediaType)
    .send(JSON.stringify(problem.body(request.id, instanceOf(request.raw.url ?? ''))))
}

/** Looks up the methods of a path's routes, to tell a 405 from a 404. */
const createMethodLookup = (app: FastifyInstance) => {
  const routes: { pattern: RegExp; methods: string[] }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    // The CORS plugin's preflight route is not a path.
    if (url === '*') return
    const source = url
      .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replace(/:\w+/g, '[^/]+')
      .replace(/\*$/, '.*')
    // A plugin's root, `/docs/`, is announced for HEAD only; no path has HEAD without GET.
    const methods = method === 'HEAD' ? ['GET', 'HEAD'] : [method].flat()
    routes.push({ pattern: new RegExp(`^${source}$`), methods })
  })
  return (path: string): string[] => [
    ...new Set(routes.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods)),
  ]
}

/** Turns every request error into a problem, an unknown path into a 404 and an unknown method into a 405. Answers OPTIONS. */
export const registerProblemResponses = (app: FastifyInstance): void => {
  const methodsOf = createMethodLookup(app)
  const notFound = ({ raw, method }: FastifyRequest): Problem => {
    const allow = methodsOf(pathOf(raw.url ?? ''))
    // A static file's route without a file is a 404, whatever the method.
    return allow.length > 0 && !allow.includes(method)
      ? new Problem('method-not-allowed', { headers: { allow: [...allow, 'OPTIONS'].join(', ') } })
      : new Problem('route-not-found')
  }
  app.setErrorHandler(sendProblem)
  // Before the body is read; onRequest hooks also run for unknown routes.
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done()
    const problem = notFound(request)
    if (request.method !== 'OPTIONS' || problem.code !== 'method-not-allowed') throw problem
    // RFC 9110, section 9.3.7.
    reply.code(204).headers(problem.headers).send()
  })
  app.setNotFoundHandler((request, reply) => sendProblem(notFound(request), request, reply))
}

/** Node's parser reports an overlong URL and overlong headers with the same error. An unterminated request line means the URL. */
const overflowCode = (packet: Buffer | undefined): ProblemCode => {
  const line = packet?.subarray(0, packet.indexOf('\r\n') >>> 0).toString('latin1') ?? ''
  return line.length > 8_192 && /^[A-Z]+ \//.test(line) ? 'uri-too-long' : 'headers-too-large'
}

const connectionCode = ({ code, rawPacket }: NodeJS.ErrnoException & { rawPacket?: Buffer }): ProblemCode => {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'request-timeout'
  if (code === 'HPE_HEADER_OVERFLOW') return overflowCode(rawPacket)
  return 'malformed-request'
}

/** Responds to what never became a request (a parse error, a slow or half-open connection) and closes the connection. */
export const createConnectionErrorHandler =
  (pendingOn: (socket: Socket) => ServerResponse[]) =>
  (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const pending = pendingOn(socket).findLast(({ req }) => req.complete)
    if (pending) {
      // A complete request is still being answered: the client would take this response for that one.
      pending.once('finish', () => socket.end(() => socket.destroy()))
      return
    }
    const problem = new Problem(connectionCode(error))
    const requestId = newId()
    const body = JSON.stringify(problem.body(requestId))
    socket.end(
      [
        `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
        `content-type: ${mediaType}`,
        `content-length: ${Buffer.byteLength(body)}`,
        ...Object.entries(commonHeaders(requestId)).map(([name, value]) => `${name}: ${value}`),
        'connection: close',
        '',
        body,
      ].join('\r\n'),
      () => socket.destroy(),
    )
  }
