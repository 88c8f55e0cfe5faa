import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { text } from 'node:stream/consumers'
import fastifyCors from '@fastify/cors'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import { type ColloquyOptions, colloquy } from '../../src/plugin/index.js'
import { testApp, tokenOf } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { SECRET } from '../helpers/tokens.js'
import { send, type WireAnswer, type WireRequest } from './wire.js'

const authorization = `Bearer ${tokenOf('alice')}`
const json = { authorization, 'content-type': 'application/json' }
const stream = { ...json, accept: 'text/event-stream' }
const post = (path: string, body?: unknown, headers: WireRequest['headers'] = json): WireRequest => ({
  method: 'POST',
  path,
  headers,
  body: typeof body === 'string' || Buffer.isBuffer(body) || body === undefined ? body : JSON.stringify(body),
})
const get = (
  path: string,
  headers: WireRequest['headers'] = { authorization },
  method = 'GET',
): WireRequest => ({
  method,
  path,
  headers,
})
const nobody = '01a21908-84c4-7554-89e3-0b13f8048a1e'
const preflight = { origin: 'https://other.example', 'access-control-request-method': 'POST' }

/** What is asked, in this order; `first` is the conversation of the first answer. */
const requestsWith = (first: string): WireRequest[] => [
  post('/api/alice/chat', { message: 'Hello', conversation_id: first }),
  post('/api/alice/chat', { message: 'Again' }, { ...json, 'idempotency-key': 'k' }),
  post('/api/alice/chat', { message: 'Again' }, { ...json, 'idempotency-key': 'k' }),
  post('/api/alice/chat', { message: 'Another' }, { ...json, 'idempotency-key': 'k' }),
  post('/api/alice/chat', { message: 'Two keys' }, { ...json, 'idempotency-key': ['k', 'l'] }),
  post('/api/alice/chat', { message: 'Hello', conversation_id: first }, stream),
  post('/api/alice/chat/stream', { message: 'Hello', conversation_id: first }),
  post('/api/alice/chat', { message: 'Hello', more: 1 }),
  post('/api/alice/chat', { message: '' }),
  post('/api/alice/chat', '{"message":'),
  post('/api/alice/chat', Buffer.from('{"message":"\xff"}', 'latin1')),
  post('/api/alice/chat', '{"message":"\\u0000"}'),
  post('/api/alice/chat'),
  post('/api/alice/chat', 'Hello', { authorization, 'content-type': 'text/plain' }),
  post('/api/alice/chat', { message: 'x' }, { ...json, 'content-type': 'application/json; charset=utf-16' }),
  post('/api/alice/chat', { message: 'x' }, { ...json, 'content-encoding': 'gzip' }),
  post('/api/alice/chat', { message: 'x'.repeat(300_000) }),
  post('/api/alice/chat', { message: 'x' }, { 'content-type': 'application/json' }),
  post('/api/alice/chat', '{"message":', { 'content-type': 'application/json' }),
  post('/api/alice/chat', { message: 'x' }, { ...json, authorization: 'Bearer no.such.token' }),
  post('/api/alice/chat', { message: 'x' }, { ...json, authorization: `Bearer ${tokenOf('bob')}` }),
  post('/api/alice/chat', { message: 'x', conversation_id: nobody }),
  post('/api/alice/conversations', { title: 'Groceries', metadata: { a: 'b' } }),
  { ...post(`/api/alice/conversations/${first}`, { archived: true }), method: 'PATCH' },
  {
    ...post(
      `/api/alice/conversations/${first}`,
      { title: 'x' },
      { ...json, 'content-type': 'application/merge-patch+json' },
    ),
    method: 'PATCH',
  },
  get('/api/alice/conversations?archived=true'),
  get('/api/alice/conversations?limit=abc'),
  get('/api/alice/conversations?cursor=abc'),
  get('/api/alice/conversations?more=1'),
  get('/api/alice/conversations', { authorization }, 'HEAD'),
  get('/api/alice/conversations', { authorization }, 'DELETE'),
  get('/api/alice/conversations', { authorization }, 'PUT'),
  get('/api/alice/conversations', {}, 'OPTIONS'),
  get('/api/alice/conversations', preflight, 'OPTIONS'),
  get('/api/alice/conversations', {}, 'TRACE'),
  get(`/api/alice/conversations/${first}`),
  get('/api/alice/conversations/not-an-id'),
  get(`/api/alice/conversations/${nobody}`),
  get(`/api/alice/conversations/${first}/messages`),
  get(`/api/alice/conversations/${first}/messages?limit=${'1'.repeat(9_000)}`),
  get(`/api/alice/conversations/${first}/turns`),
  get(`/api/alice/conversations/${first}/stream`),
  get(`/api/alice/conversations/${first}/stream`, { authorization }, 'HEAD'),
  get('/api/%61lice/models'),
  get('/api/alice/usage'),
  get(`/api/alice/turns/${nobody}/cancel`, { authorization }, 'POST'),
  get('/health/live'),
  get('/health/ready'),
  get('/health/ready', {}, 'HEAD'),
  get('/.well-known/jwks.json', {}),
  get('/.well-known/jwks.json', {}, 'POST'),
  get(`/api/alice/conversations/${first}`, { authorization }, 'DELETE'),
  get(`/api/alice/conversations/${first}`, { authorization }, 'DELETE'),
]

const anonymous = (text: string): string =>
  text
    .replace(/[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}/g, '<id>')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replace(/"next_cursor":"[^"]*"/g, '"next_cursor":"<cursor>"')
    .replace(/"day":"[\d-]+"/g, '"day":"<day>"')

/** Events may come in fewer or more deltas from run to run. */
const joined = (body: string): string =>
  body
    .replace(/^(?:id: .*\ndata: \{"type":"text-delta".*\n\n)+/gm, (deltas) =>
      [...deltas.matchAll(/"delta":"([^"]*)"/g)]
        .map(([, delta]) => delta)
        .join('')
        .concat('\n'),
    )
    .replace(/^id: .*\n/gm, '')

/** An answer without what differs from run to run, and from prefix to prefix: a problem's instance, and so its length. */
const comparable = ({ status, message, headers, body }: WireAnswer, prefix: string) => ({
  status,
  message,
  headers: headers
    .map((line) => anonymous(line.replace(/^[^:]*/, (name) => name.toLowerCase())))
    .map((line) => (line === `content-length: ${Buffer.byteLength(body)}` ? 'content-length: right' : line))
    // Of a HEAD request's problem.
    .map((line, _, lines) =>
      lines.some((other) => other.startsWith('content-type: application/problem'))
        ? line.replace(/^content-length: (\d+)$/, (_, length) => `content-length: ${length - prefix.length}`)
        : line,
    )
    .sort(),
  body: joined(anonymous(body)).replace(`"instance":"${prefix}/`, '"instance":"/'),
})

const answersOf = async (url: string, prefix = '') => {
  const begun = await send(url, post(`${prefix}/api/alice/chat`, { message: 'First' }))
  const { conversation_id } = JSON.parse(begun.body)
  const answers = [comparable(begun, prefix)]
  for (const request of requestsWith(conversation_id)) {
    const path = `${prefix}${request.path}`
    answers.push(comparable(await send(url, { ...request, path }), prefix))
  }
  return answers
}

const settings = async (t: Test): Promise<ColloquyOptions> => ({
  databaseUrl: (await testDatabase(t)).url,
  betterAuthSecret: SECRET,
  env: {},
})

const listening = async (t: Test, app: FastifyInstance): Promise<string> => {
  t.teardown(() => app.close())
  return app.listen({ host: '127.0.0.1', port: 0 })
}

interface AppWithChat {
  prefix?: string
  server?: FastifyServerOptions
  prepare?: (app: FastifyInstance) => void
}

/** An app with nothing but the chat, and what `prepare` adds before it. */
const appWithChat = async (t: Test, { prefix = '', server = {}, prepare = () => {} }: AppWithChat) => {
  const app: FastifyInstance = Fastify({
    routerOptions: { maxParamLength: 128 },
    ...server,
  } as FastifyServerOptions)
  prepare(app)
  app.register(colloquy, { ...(await settings(t)), ...(prefix && { prefix }) })
  return { app, url: await listening(t, app) }
}

const compare = (t: Test, answers: object[], expected: object[]): void => {
  const requests = [post('/api/alice/chat'), ...requestsWith('<first>')]
  for (const [at, { method, path }] of requests.entries()) {
    t.same(answers[at], expected[at], `${method} ${path.slice(0, 80)} (${at}): the answer of our own server`)
  }
}

const hostile = (app: FastifyInstance): void => {
  app.addContentTypeParser('application/json', { parseAs: 'string' }, async () => ({ message: 'the app’s' }))
  app.addContentTypeParser('*', async () => 'anything')
  app.setErrorHandler((_error, _request, reply) => void reply.code(418).send('an error of the app'))
  app.setNotFoundHandler((_request, reply) => void reply.code(404).send('not found in the app'))
  app.setValidatorCompiler(() => () => ({ error: new Error('never valid') }))
  app.setSerializerCompiler(() => () => '"serialized by the app"')
  app.setReplySerializer(() => '"serialized by the app"')
  app.setSchemaErrorFormatter(() => new Error('formatted by the app'))
  app.setGenReqId(() => 'an id of the app')
  app.addHook('preParsing', async () => {
    throw new Error('preParsing of the app')
  })
  app.addHook('preValidation', async (_request, reply) => reply.code(401).send('who are you?'))
  app.addHook('preHandler', async (_request, reply) => reply.code(401).send('who are you?'))
  app.addHook('preSerialization', async () => ({ data: 'wrapped' }))
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-changed', 'yes')
    return 'changed'
  })
  app.addHook('onError', async () => {
    throw new Error('onError of the app')
  })
  app.addHook('onRequest', async (_request, reply) => void reply.type('text/html').code(299))
  for (const name of [
    'caller',
    'user',
    'refusal',
    'accepts',
    'types',
    'jwtVerify',
    'jwtDecode',
    'corsPreflightEnabled',
  ])
    app.decorateRequest(name, null)
  for (const name of ['jwtSign', 'sendFile']) app.decorateReply(name, null)
  for (const name of ['jwt', 'swagger', 'swaggerCSP', 'caller']) app.decorate(name, null)
}

t.test('the chat answers as our own server does', async (t) => {
  const own = await testApp(t)
  const expected = await answersOf(own.url)
  t.equal(new Set(expected.map(({ status }) => status)).size > 8, true, 'of many kinds')

  const variants: [name: string, options: AppWithChat][] = [
    ['in an app with nothing else', {}],
    ['under a prefix', { prefix: '/chat-service' }],
    ['under a prefix of two parts that ends with a slash', { prefix: '/a/b/' }],
    ['in an app whose hooks, parsers and names are all in the way', { prepare: hostile }],
    [
      'in an app with odd options',
      {
        server: {
          bodyLimit: 1,
          exposeHeadRoutes: false,
          handlerTimeout: 1,
          requestIdHeader: 'x-request-id',
          onProtoPoisoning: 'ignore',
          routerOptions: { maxParamLength: 128, caseSensitive: false, ignoreTrailingSlash: true },
          ajv: { customOptions: { removeAdditional: 'all', coerceTypes: true } },
        },
      },
    ],
  ]
  for (const [name, options] of variants) {
    t.test(name, async (t) => {
      const { url } = await appWithChat(t, options)
      compare(t, await answersOf(url, options.prefix?.replace(/\/$/, '')), expected)
    })
  }

  t.test('inside a plugin of the app, twice under two prefixes', async (t) => {
    const app = Fastify()
    const [one, two] = [await settings(t), await settings(t)]
    app.register(
      async (inner) => {
        inner.addHook('onSend', async () => 'changed')
        inner.register(colloquy, { ...one, prefix: '/one' })
        inner.register(colloquy, { ...two, prefix: '/two' })
      },
      { prefix: '/inner' },
    )
    const url = await listening(t, app)
    compare(t, await answersOf(url, '/inner/one'), expected)
    compare(t, await answersOf(url, '/inner/two'), expected)
  })
})

t.test('over HTTP/2', async (t) => {
  const app = Fastify({ http2: true })
  app.register(colloquy, await settings(t))
  t.teardown(() => app.close())
  const session = connectHttp2(await app.listen({ host: '127.0.0.1', port: 0 }))
  t.teardown(() => session.destroy())
  const ask = async (method: string, path: string, body?: string, headers: Record<string, string> = {}) => {
    const sent = session.request({ ':method': method, ':path': path, ...json, ...headers })
    sent.end(body)
    const [head] = await once(sent, 'response')
    return { status: head[':status'], body: await text(sent) }
  }
  const answer = await ask('POST', '/api/alice/chat', '{"message":"Hello"}')
  t.equal(answer.status, 200, 'a message is answered')
  t.match(JSON.parse(answer.body), { response: 'Echo: Hello', status: 'completed' }, 'by the model')
  const streamed = await ask('POST', '/api/alice/chat', '{"message":"Hello"}', {
    accept: 'text/event-stream',
  })
  t.match(streamed.body, /data: \[DONE\]\n\n$/, 'a stream comes to its end')
  const refused = await ask('POST', '/api/alice/chat', '{"message":')
  t.equal(refused.status, 400, 'a problem has its status')
  t.match(JSON.parse(refused.body), { code: 'malformed-body' }, 'and its body')
})

t.test('the contract is served where it is asked for, as that of its prefix', async (t) => {
  const app = Fastify()
  app.get('/docs', async () => 'docs of the app')
  app.register(colloquy, { ...(await settings(t)), prefix: '/chat-service', documents: true })
  const url = await listening(t, app)
  const contract = await (await fetch(`${url}/chat-service/openapi.json`)).json()
  t.match(contract, { openapi: '3.1.0', servers: [{ url: '/chat-service' }] }, 'as JSON')
  const yaml = await (await fetch(`${url}/chat-service/openapi.yaml`)).text()
  t.match(yaml, /^servers:\n {2}- url: \/chat-service\n/m, 'as YAML')
  const page = await fetch(`${url}/chat-service/docs`)
  t.match(await page.text(), /swagger-ui/, 'and as a page')
  const script = await fetch(`${url}/chat-service/docs/static/swagger-ui-bundle.js`)
  t.match([script.status, script.headers.get('content-type')], [200, /javascript/], 'with what it loads')
  t.equal(await (await fetch(`${url}/docs`)).text(), 'docs of the app', 'beside that of the app')
})

t.test('the app’s request hooks run before the chat, and what they set stays', async (t) => {
  const asked: string[] = []
  const { url } = await appWithChat(t, {
    prepare(app) {
      app.addHook('onRequest', async (request, reply) => {
        reply.header('x-tasks', 'on').header('access-control-allow-origin', 'https://tasks.example')
        if (request.headers['x-blocked']) return reply.code(403).send({ ok: false })
      })
      app.addHook('onResponse', async ({ routeOptions }, reply) => {
        asked.push(`${routeOptions.url} ${reply.statusCode}`)
      })
      // As plugins for rate limits do.
      app.addHook('onRoute', (route) => {
        route.onRequest = [
          ...[route.onRequest ?? []].flat(),
          (request, reply, done) => {
            if (request.headers['x-many']) reply.code(429).send({ ok: false, limit: 1 })
            else done()
          },
        ]
      })
    },
  })
  const answer = await send(url, get('/api/alice/conversations'))
  t.ok(answer.headers.includes('x-tasks: on'), 'a header field of the app')
  t.ok(answer.headers.includes('access-control-allow-origin: https://tasks.example'), 'and its CORS')
  t.ok(answer.headers.includes('content-type: application/json; charset=utf-8'), 'beside the chat’s own')
  const blocked = await send(url, get('/api/alice/conversations', { authorization, 'x-blocked': 'yes' }))
  t.match(
    blocked,
    { status: 403, body: '{"ok":false}' },
    'a hook that answers keeps the chat from being asked',
  )
  const limited = await send(url, get('/api/alice/conversations', { authorization, 'x-many': 'yes' }))
  t.match(
    limited,
    { status: 429, body: '{"ok":false,"limit":1}' },
    'one that a plugin adds to each route, too',
  )
  t.same(
    asked,
    ['/api/:user_id/conversations 200', '/api/:user_id/conversations 403', '/api/:user_id/conversations 429'],
    'and the hooks for answers see them all',
  )
})

const preflightOf = (origin: string) => ({
  origin,
  'access-control-request-method': 'PATCH',
  'access-control-request-headers': 'idempotency-key',
})
const conversations = '/api/alice/conversations'
const allowed = 'access-control-allow-origin: https://tasks.example'

/** The header fields of an answer that CORS is about, in lower case. */
const corsOf = ({ headers }: WireAnswer): string[] =>
  headers
    .map((line) => line.replace(/^[^:]*/, (name) => name.toLowerCase()))
    .filter((line) => /^access/.test(line))

t.test('pages of the origins that the app allows may use the chat', async (t) => {
  const { url } = await appWithChat(t, {
    prepare: (app) => void app.register(fastifyCors, { origin: ['https://tasks.example'] }),
  })
  const preflighted = await send(url, get(conversations, preflightOf('https://tasks.example'), 'OPTIONS'))
  t.equal(preflighted.status, 204, 'a preflight is answered')
  t.ok(corsOf(preflighted).includes(allowed), 'its origin is allowed')
  t.match(
    corsOf(preflighted).join(),
    /allow-methods: GET, HEAD, POST, PATCH, DELETE/,
    'with the chat’s methods',
  )
  t.match(
    corsOf(preflighted).join(),
    /allow-headers: authorization, .*idempotency-key/,
    'and its header fields',
  )
  const answer = await send(url, get(conversations, { authorization, origin: 'https://tasks.example' }))
  t.ok(corsOf(answer).includes(allowed), 'the page may read the answer')
  t.match(corsOf(answer).join(), /expose-headers: .*x-request-id/, 'and the chat’s header fields')
  const other = await send(url, get(conversations, preflightOf('https://other.example'), 'OPTIONS'))
  t.notOk(
    corsOf(other).some((line) => line.includes('allow-origin')),
    'another origin is not allowed',
  )
  const options = await send(url, get(conversations, {}, 'OPTIONS'))
  t.ok(
    options.headers.includes('allow: GET, HEAD, POST, OPTIONS'),
    'what is no preflight is the chat’s to answer',
  )
})

t.test('a chat with origins of its own keeps to them', async (t) => {
  const app = Fastify()
  app.register(fastifyCors, { origin: ['https://tasks.example'] })
  app.register(colloquy, { ...(await settings(t)), corsOrigins: ['https://chat.example'] })
  const url = await listening(t, app)
  const own = await send(url, get(conversations, preflightOf('https://chat.example'), 'OPTIONS'))
  t.ok(corsOf(own).includes('access-control-allow-origin: https://chat.example'), 'its own is allowed')
  const others = await send(url, get(conversations, preflightOf('https://tasks.example'), 'OPTIONS'))
  t.equal(others.status, 403, 'the app’s is not')
})

t.test('below a prefix unknown paths are the chat’s', async (t) => {
  const { url } = await appWithChat(t, {
    prefix: '/chat-service',
    prepare: (app) => void app.get('/chat-service/own', async () => 'of the app'),
  })
  for (const path of ['/chat-service/nope', '/chat-service/', '/chat-service/api/alice/conversations/']) {
    const answer = await send(url, get(path))
    t.equal(answer.status, 404, `${path} is not found`)
    t.match(
      JSON.parse(answer.body),
      { code: 'route-not-found', instance: path },
      'and says so as the chat does',
    )
  }
  t.equal((await send(url, get('/chat-service/own'))).body, 'of the app', 'a route of the app stays')
  t.match((await send(url, get('/nope'))).body, /Route GET:\/nope not found/, 'beside it the app answers')
})

t.test('a hook of the app can tell the chat’s requests from its own', async (t) => {
  const { app, url } = await appWithChat(t, {
    prepare(app) {
      app.addHook('onRequest', async ({ routeOptions }, reply) => {
        if (!routeOptions.config.colloquy) return reply.code(401).send({ ok: false })
      })
      app.get('/tasks', async () => [])
    },
  })
  t.ok(app.hasRoute({ method: 'GET', url: '/api/:user_id/conversations' }), 'the chat is there')
  t.equal((await send(url, get('/tasks'))).status, 401, 'the app’s own route is guarded by the app')
  t.equal((await send(url, get('/api/alice/conversations'))).status, 200, 'the chat guards its own')
  t.equal((await send(url, get('/api/alice/conversations', {}))).status, 401, 'with its own login')
})

t.test('a test of the app may inject requests', async (t) => {
  const app = Fastify()
  app.register(colloquy, await settings(t))
  t.teardown(() => app.close())
  const answer = await app.inject({
    method: 'POST',
    url: '/api/alice/chat',
    headers: json,
    payload: { message: 'Hello' },
  })
  t.match(answer.json(), { response: 'Echo: Hello' }, 'a message is answered')
  const streamed = await app.inject({
    method: 'POST',
    url: '/api/alice/chat',
    headers: stream,
    payload: { message: 'Hi' },
  })
  t.match(streamed.body, /data: \[DONE\]\n\n$/, 'a stream, too')
})

t.test('a body that a hook of the app has read is an error of the app, and no endless wait', async (t) => {
  const { url } = await appWithChat(t, {
    prepare(app) {
      app.addHook('onRequest', async ({ raw }) => void (await text(raw)))
    },
  })
  t.match(
    await send(url, post('/api/alice/chat', { message: 'Hello' })),
    { status: 500, body: /has read the body/ },
    'told',
  )
  t.equal((await send(url, get('/api/alice/conversations'))).status, 200, 'what has no body is answered')
})
