import { Readable } from 'node:stream'
import fastifyCors from '@fastify/cors'
import fastifyJwt from '@fastify/jwt'
import fastifySwagger from '@fastify/swagger'
import Fastify, { type FastifyInstance, type FastifyRequest, type FastifyServerOptions } from 'fastify'

export const appSecret = 'the secret with which the app signs its own sessions'

/** What the app's log and its hooks have seen. */
export interface Seen {
  /** the log, line by line, parsed */
  lines: Record<string, unknown>[]
  /** `<hook> <method> <url>`, in order */
  hooks: string[]
  /** `<method> <url>` of each route, as its own hook is told of them */
  routes: string[]
}

interface TasksAppOptions {
  server?: FastifyServerOptions
  /** adds the chat, after all that the app had before */
  addChat?: ((app: FastifyInstance) => unknown) | undefined
}

const newLog = (lines: Seen['lines']) => ({
  level: 'info',
  stream: { write: (line: string) => void lines.push(JSON.parse(line)) },
})

/** Adds what teams have: a session of their own, CORS, a page of documentation, hooks. */
const addPlugins = async (app: FastifyInstance, seen: Seen): Promise<void> => {
  await app.register(fastifyCors, { origin: ['https://tasks.example'], credentials: true })
  await app.register(fastifyJwt, { secret: appSecret })
  await app.register(fastifySwagger, { openapi: { info: { title: 'Tasks', version: '1.0.0' } } })
  app.decorate('refusal', () => 'the app’s own')
  app.decorateRequest('caller', null)
  app.decorateRequest('refusal', null)
  app.addHook('onRequest', async (request, reply) => {
    seen.hooks.push(`onRequest ${request.method} ${request.url}`)
    reply.header('x-tasks', 'on')
  })
  app.addHook('preHandler', async (request) => {
    seen.hooks.push(`preHandler ${request.method} ${request.url}`)
  })
  app.addHook('onSend', async (request, reply, payload) => {
    seen.hooks.push(`onSend ${request.method} ${request.url}`)
    reply.header('x-sent', 'by the app')
    return typeof payload === 'string' && payload.startsWith('{') ? `${payload}\n` : payload
  })
  app.addHook('onResponse', async (request) => {
    seen.hooks.push(`onResponse ${request.method} ${request.url}`)
  })
}

const addAnswers = (app: FastifyInstance): void => {
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, JSON.parse(String(body)))
    } catch {
      done(Object.assign(new Error('not JSON, says the app'), { statusCode: 400 }))
    }
  })
  app.addContentTypeParser(
    'text/plain',
    { parseAs: 'string' },
    async (_request: unknown, body: unknown) => body,
  )
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500
    if (status >= 500) request.log.error(error)
    reply.code(status).send({ ok: false, error: { status, message: error.message } })
  })
  app.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .send({ ok: false, error: { status: 404, message: `no ${request.method} ${request.url}` } }),
  )
}

interface Task {
  id: number
  title: string
}

const body = {
  type: 'object',
  required: ['title'],
  properties: { title: { type: 'string', maxLength: 100 }, done: { type: 'boolean' } },
  additionalProperties: false,
}

const addRoutes = (app: FastifyInstance): void => {
  const tasks = new Map<string, Task[]>([['alice', [{ id: 1, title: 'Water the plants' }]]])
  const signedIn = async (request: FastifyRequest) => {
    const { sub } = await request.jwtVerify<{ sub: string }>()
    if (sub !== (request.params as { user_id: string }).user_id) {
      throw Object.assign(new Error('not yours'), { statusCode: 403 })
    }
  }
  app.get<{ Params: { user_id: string } }>(
    '/api/:user_id/tasks',
    { onRequest: signedIn },
    async ({ params }) => ({
      ok: true,
      tasks: tasks.get(params.user_id) ?? [],
    }),
  )
  app.post<{ Params: { user_id: string }; Body: { title: string } }>(
    '/api/:user_id/tasks',
    { onRequest: signedIn, schema: { body } },
    async ({ params, body: { title } }, reply) => {
      const own = tasks.get(params.user_id) ?? []
      reply.code(201).header('location', `/api/${params.user_id}/tasks/${own.length + 1}`)
      return { ok: true, task: { id: own.length + 1, title } }
    },
  )
  app.delete('/api/:user_id/tasks/:id', { onRequest: signedIn }, async (_request, reply) =>
    reply.code(204).send(),
  )
  app.post('/notes', async ({ body }) => ({ ok: true, body }))
  app.get('/boom', async () => {
    throw new Error('boom')
  })
  app.get('/export', async (_request, reply) =>
    reply.type('application/x-ndjson').send(Readable.from(['{"id":1}\n', '{"id":2}\n'])),
  )
  app.get('/health/live', async () => ({ ok: true }))
  app.get('/openapi', { schema: { hide: true } }, async () => app.swagger())
}

/** An app as a team has it before it hears of the chat: with an error format, parsers, hooks and a session of its own. */
export const tasksApp = async ({ server, addChat }: TasksAppOptions = {}) => {
  const seen: Seen = { lines: [], hooks: [], routes: [] }
  let requests = 0
  const app: FastifyInstance = Fastify({
    logger: newLog(seen.lines),
    genReqId: () => {
      requests += 1
      return `tasks-${requests}`
    },
    requestIdHeader: 'x-correlation-id',
    bodyLimit: 1_000,
    trustProxy: true,
    ajv: { customOptions: { coerceTypes: 'array', removeAdditional: 'all', allErrors: true } },
    ...server,
  } as FastifyServerOptions)
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) seen.routes.push(`${each} ${url}`)
  })
  await addPlugins(app, seen)
  addAnswers(app)
  addRoutes(app)
  await addChat?.(app)
  return { app, seen }
}
