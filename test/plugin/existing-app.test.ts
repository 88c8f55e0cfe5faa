import type { FastifyInstance, FastifyReply, FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import { colloquy } from '../../src/plugin/index.js'
import { contractOperations } from '../helpers/contract.js'
import { testDatabase } from '../helpers/database.js'
import { claims, hs256, SECRET } from '../helpers/tokens.js'
import { appSecret, type Seen, tasksApp } from './tasks-app.js'
import { type SentRequest, send, sendBytes } from './wire.js'

const session = (sub: string) => ({ authorization: `Bearer ${hs256(claims({ sub }), {}, appSecret)}` })
const json = { 'content-type': 'application/json' }
const preflight = (origin: string, method = 'POST') => ({
  origin,
  'access-control-request-method': method,
  'access-control-request-headers': 'content-type',
})
const post = (path: string, body: string | undefined, headers: SentRequest['headers'] = json) => ({
  method: 'POST',
  path,
  body,
  headers: { ...session('alice'), ...headers },
})
const get = (path: string, headers: SentRequest['headers'] = {}, method = 'GET') => ({
  method,
  path,
  headers,
})
const tasks = '/api/alice/tasks'

/** What the app is asked, before and after. */
const requests: SentRequest[] = [
  get(tasks),
  get(tasks, session('alice')),
  get(tasks, session('bob')),
  get(tasks, { authorization: 'Bearer nonsense' }),
  get(tasks, { ...session('alice'), origin: 'https://tasks.example', 'x-correlation-id': 'theirs' }),
  get(tasks, { ...session('alice'), origin: 'https://other.example' }),
  get(tasks, session('alice'), 'HEAD'),
  get(tasks, {}, 'HEAD'),
  post(tasks, '{"title":"Feed the cat"}'),
  post(tasks, '{"title":"Feed the cat","more":1,"done":"true"}'),
  post(tasks, '{"title":'),
  post(tasks, '{}'),
  post(tasks, undefined),
  post(tasks, ''),
  post(tasks, 'title=x', { 'content-type': 'application/x-www-form-urlencoded' }),
  post(tasks, '<a/>', { 'content-type': 'application/xml' }),
  post(tasks, 'Feed', { 'content-type': 'text/plain' }),
  post(tasks, `{"title":"${'x'.repeat(2_000)}"}`),
  post(tasks, '{"title":"x"}', { 'content-type': 'application/merge-patch+json' }),
  post('/notes', 'plain', { 'content-type': 'text/plain' }),
  post('/notes', '[1]'),
  get(tasks, session('alice'), 'PUT'),
  get(tasks, session('alice'), 'PATCH'),
  get(tasks, {}, 'OPTIONS'),
  get(tasks, preflight('https://tasks.example'), 'OPTIONS'),
  get(tasks, preflight('https://other.example', 'DELETE'), 'OPTIONS'),
  get(`${tasks}/1`, session('alice'), 'DELETE'),
  get(`${tasks}/1`, session('alice')),
  get(`${tasks}/`, session('alice')),
  get('/api/alice', session('alice')),
  get('/api/alice/', session('alice')),
  get('/api', session('alice')),
  get('/api//tasks', session('alice')),
  get(`/api/${'x'.repeat(200)}/tasks`, session('alice')),
  get('/boom'),
  get('/boom', {}, 'HEAD'),
  get('/export'),
  get('/health/live'),
  get('/health/live', {}, 'POST'),
  get('/health'),
  get('/openapi'),
  get('/openapi.json'),
  get('/docs'),
  get('/nowhere?a=%ff'),
  get('/%ff'),
  get('/nowhere', preflight('https://tasks.example'), 'OPTIONS'),
  get('/nowhere', {}, 'HEAD'),
  post('/nowhere', '{"title":'),
  get('*', {}, 'OPTIONS'),
  // Paths beside the chat's, which are none of its own.
  get('/api/alice/conversations/'),
  get('/api/alice/Chat', {}, 'POST'),
  get('/api/alice/turns'),
  get('/api//chat', {}, 'POST'),
  get('/api/alice/conversations/1/2/3'),
  get('/API/alice/chat', {}, 'POST'),
]

const bytes = [
  'NONSENSE\r\n\r\n',
  'GET /export HTTP/1.1\r\n\r\n',
  'GET /export HTTP/1.1\r\nhost: x\r\nexpect: the-unexpected\r\nconnection: close\r\n\r\n',
  `GET /export HTTP/1.1\r\nhost: x\r\nlong: ${'x'.repeat(20_000)}\r\n\r\n`,
  'GET /export HTTP/1.1\r\nhost: x\r\nconnection: close\r\nhost: y\r\n\r\n',
  'GET /health/live HTTP/1.1\r\nhost: x\r\n\r\nGET /boom HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
]

/** A line of the log without what differs from run to run. */
const comparable = ({
  time: _,
  responseTime: __,
  err,
  ...line
}: Record<string, unknown>): Record<string, unknown> => ({
  ...line,
  ...(err !== undefined && { err: (err as { message: string }).message }),
  ...(typeof line.req === 'object' && { req: { ...line.req, remotePort: undefined } }),
  msg: String(line.msg).replace(/:\d+$/, ''),
})

const observe = async (t: Test, { app, seen }: { app: FastifyInstance; seen: Seen }) => {
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const started = seen.lines.length
  const answers = []
  const host = { host: 'tasks.example' }
  for (const request of requests) {
    answers.push(await send(url, { ...request, headers: { ...host, ...request.headers } }))
  }
  for (const sent of bytes) answers.push(await sendBytes(url, sent))
  await app.close()
  return {
    answers,
    hooks: seen.hooks,
    startLines: seen.lines.slice(0, started).map(comparable),
    lines: seen.lines.slice(started).map(comparable),
  }
}

const variants: [name: string, server: FastifyServerOptions][] = [
  ['as the team wrote it', {}],
  ['without a log', { logger: false }],
  ['without lines for requests', { disableRequestLogging: true }],
  ['whose router is lenient', { routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true } }],
  ['without HEAD routes', { exposeHeadRoutes: false }],
  ['with a limit for handlers', { handlerTimeout: 60_000 }],
  ['with tiny bodies', { bodyLimit: 1 }],
  [
    'with errors of its own for what is no route',
    {
      frameworkErrors: (error, _request, reply: FastifyReply) =>
        void reply.code(400).send({ framework: error.code }),
    },
  ],
]

for (const [name, server] of variants) {
  t.test(`an app ${name} answers and logs as it did before`, async (t) => {
    const { url: databaseUrl } = await testDatabase(t)
    const before = await observe(t, await tasksApp({ server }))
    const addChat = (app: FastifyInstance) =>
      app.register(colloquy, { databaseUrl, betterAuthSecret: SECRET, env: {} })
    const after = await observe(t, await tasksApp({ server, addChat }))
    for (const [at, request] of [...requests, ...bytes].entries()) {
      const what =
        typeof request === 'string'
          ? JSON.stringify(request).slice(0, 60)
          : `${request.method} ${request.path}`
      t.same(after.answers[at], before.answers[at], `${what}: the same answer to the byte`)
    }
    t.same(after.hooks, before.hooks, 'its hooks run for its requests as before')
    t.same(after.lines, before.lines, 'its log has the same lines for its requests')
    const own = after.startLines.filter(({ plugin }) => plugin !== 'colloquy')
    t.same(own, before.startLines, 'and for its start')
    t.ok(before.answers.length > 50, 'many requests were compared')
  })
}

t.test('the routes of the app stay, and the contract’s come to them', async (t) => {
  const { url: databaseUrl } = await testDatabase(t)
  const before = await tasksApp()
  const addChat = (app: FastifyInstance) =>
    app.register(colloquy, { databaseUrl, betterAuthSecret: SECRET, env: {} })
  const after = await tasksApp({ addChat })
  await before.app.ready()
  await after.app.ready()
  t.teardown(() => after.app.close())
  const own = before.seen.routes
  t.same(after.seen.routes.slice(0, own.length), own, 'the app has its routes')
  const added = new Set(after.seen.routes.slice(own.length).map((route) => route.split(' ')[1]))
  const contract = contractOperations.map(({ path }) => path.replace(/\{(\w+)\}/g, ':$1'))
  t.ok(own.includes('GET /health/live'), 'one path of the contract is the app’s')
  t.same(
    [...added].sort(),
    [...new Set(contract)].filter((path) => path !== '/health/live').sort(),
    'the other paths of the contract are the chat’s, and no more',
  )
  const told = after.seen.lines.find(({ plugin, paths }) => plugin === 'colloquy' && paths)
  t.same(told?.paths, ['/health/live'], 'the log names the path that the app has itself')
})
