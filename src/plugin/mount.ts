import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type {
  FastifyBaseLogger,
  FastifyContextConfig,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
} from 'fastify'
import type { MountedChat } from '../app.js'
import { hasBody } from '../http/body.js'
import { destroyStalled } from '../http/connections.js'
import { corsRules, isPreflight } from '../http/cors.js'
import { pathOf } from '../http/problem-responses.js'

/** After the last turn has ended: how long its answer may take to leave. */
const LAST_BYTES_MS = 1_000

/** The header fields of a body, which the chat's own answer has. */
const ofBody = new Set(['content-type', 'content-length', 'content-encoding', 'transfer-encoding'])

/** Passes what hooks of the app have set on, such as the header fields of its CORS plugin. */
const keepHeaders = (reply: FastifyReply): void => {
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined && !ofBody.has(name)) reply.raw.setHeader(name, value)
  }
}

/** Whether it is the path as the contract writes it: the app's router may ignore case, and matches an empty parameter. */
const createPathCheck = (url: string) => {
  const source = url
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/:\w+/g, '[^/]+')
    .replace(/\*$/, '.*')
  const pattern = new RegExp(`^${source}$`)
  return ({ raw }: FastifyRequest): boolean => {
    try {
      return pattern.test(decodeURI(pathOf(raw.url ?? '')))
    } catch {
      return true
    }
  }
}

/** Counts the answers that are under way, and cuts those that nobody reads. */
const trackAnswers = (stalledMs: number) => {
  const responses = new Set<ServerResponse>()
  /** how many answers each connection has under way: a client may send several requests at once */
  const sockets = new Map<Socket, number>()
  const sweeping = destroyStalled(sockets, stalledMs)
  return {
    add({ raw }: FastifyRequest, response: ServerResponse): void {
      const { socket } = raw
      responses.add(response)
      // The streams of an HTTP/2 connection share its socket.
      const isOwn = raw.httpVersionMajor < 2
      if (isOwn) sockets.set(socket, (sockets.get(socket) ?? 0) + 1)
      response.once('close', () => {
        responses.delete(response)
        if (!isOwn) return
        const left = (sockets.get(socket) ?? 0) - 1
        if (left > 0) sockets.set(socket, left)
        else sockets.delete(socket)
      })
    },
    end(): void {
      clearInterval(sweeping)
      setTimeout(() => {
        for (const response of responses) response.destroy()
      }, LAST_BYTES_MS).unref()
    },
  }
}

/** The chat's paths that the app has itself. Throws when they are those of users' conversations. */
const findTaken = (app: FastifyInstance, { routes }: MountedChat): Set<string> => {
  const taken = [...routes].flatMap(([url, methods]) => {
    const method = methods.find((method) => app.hasRoute({ method, url }))
    return method === undefined ? [] : [{ method, url }]
  })
  const usersData = taken.find(({ url }) => url.includes('/api/:user_id/'))
  if (usersData) {
    throw new Error(
      `The app has a route ${usersData.method} ${usersData.url} already: register the chat with a prefix, such as { prefix: '/chat-service' }.`,
    )
  }
  return new Set(taken.map(({ url }) => url))
}

interface MountOptions {
  stalledMs: number
  /** origins that the chat itself allows; empty: those of the app's @fastify/cors, if it has that */
  corsOrigins: readonly string[]
  log: Pick<FastifyBaseLogger, 'info'>
}

/** A route's part in @fastify/cors: the app decides on the origin, and OPTIONS requests that are no preflights go on. */
const appsCors = { strictPreflight: false, preflightContinue: true }

const isAllowedByAppsCors = (request: FastifyRequest): boolean =>
  isPreflight(request) && 'corsPreflightEnabled' in request && request.corsPreflightEnabled === true

/** Says what pages may send, where the app's CORS plugin has said who may. */
const allowSending = (reply: FastifyReply): FastifyReply =>
  reply.headers({
    'access-control-allow-methods': corsRules.methods.join(', '),
    'access-control-allow-headers': corsRules.allowedHeaders.join(', '),
    'access-control-max-age': String(corsRules.maxAge),
  })

/** Says what pages may read, where the app's CORS plugin has said who may. */
const allowReading = (reply: FastifyReply): void => {
  if (!reply.hasHeader('access-control-allow-origin')) return
  const exposed = [reply.getHeader('access-control-expose-headers') ?? [], corsRules.exposedHeaders].flat()
  reply.header('access-control-expose-headers', exposed.join(', '))
}

/**
 * Adds the chat's paths to an app. Their requests are handed over before anything of them is read: of the app's hooks only
 * `onRequest` and `onResponse` run, and its parsers, its error handler and the rest have nothing to do with them.
 */
export const mount = (
  app: FastifyInstance,
  mounted: MountedChat,
  { stalledMs, corsOrigins, log }: MountOptions,
): { end(): void } => {
  const { chat, routes } = mounted
  const prefix = app.prefix.replace(/\/$/, '')
  const taken = findTaken(app, mounted)
  const answers = trackAnswers(stalledMs)

  const handOver = (request: FastifyRequest, reply: FastifyReply): void => {
    if (request.raw.readableDidRead && hasBody(request)) {
      throw new Error('A hook of the app has read the body of this request before the chat could.')
    }
    allowReading(reply)
    keepHeaders(reply)
    reply.hijack()
    // The client left while a hook of the app was at work: no `close` would come any more to forget its answer.
    if (request.raw.socket.destroyed) return
    answers.add(request, reply.raw)
    chat.routing(request.raw, reply.raw)
  }
  // Last of all, after the hooks that the app's plugins add to each route.
  app.addHook('onRoute', (route) => {
    const isPath = prefix ? () => true : createPathCheck(route.url)
    route.onRequest = [
      ...[route.onRequest ?? []].flat(),
      (request: FastifyRequest, reply: FastifyReply) => {
        const isOurs = isPath(request)
        if (isAllowedByAppsCors(request)) {
          if (isOurs) allowSending(reply)
          reply.code(204).header('content-length', '0').send()
        } else if (isOurs) handOver(request, reply)
        else reply.callNotFound()
      },
    ]
  })
  const cors = corsOrigins.length > 0 ? false : appsCors
  const config: FastifyContextConfig & { cors: object | false } = { colloquy: true, cors }
  // Below a prefix unknown paths are the chat's as well.
  const urls = [...routes.keys(), ...(prefix ? [`${prefix}/*`] : [])]
  for (const url of urls) {
    if (taken.has(url)) continue
    // All that the app does not have there: the chat answers methods that are none of the path's. Any path below /api is like
    // that of a user, and stays the app's but for what the chat does there.
    const methods = url === '/api/:user_id' ? (routes.get(url) ?? []) : app.supportedMethods
    app.route({
      method: methods.filter((method) => !app.hasRoute({ method, url })),
      url: url.slice(app.prefix.length),
      exposeHeadRoute: false,
      // Not a part of the app's own reference page.
      schema: { hide: true },
      config,
      // Not reached: the hook hands over.
      handler: handOver,
    })
  }
  if (taken.size > 0) log.info({ paths: [...taken] }, 'the app answers these paths of the chat itself')
  return answers
}
