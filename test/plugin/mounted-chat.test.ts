import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { defaultPrices } from '../../src/models/default-prices.js'
import { createPrices } from '../../src/models/prices.js'
import { colloquy } from '../../src/plugin/index.js'
import { testApp, tokenOf } from '../helpers/app.js'
import { type SentRequest, send, type WireAnswer } from './wire.js'
import {
  type AppWithChat,
  appWithChat,
  authorization,
  get,
  json,
  listening,
  post,
  settings,
  stream,
} from './with-chat.js'

const nobody = '01a21908-84c4-7554-89e3-0b13f8048a1e'
const preflight = { origin: 'https://other.example', 'access-control-request-method': 'POST' }

/** What is asked, in this order; `first` is the conversation of the first answer. */
const requestsWith = (first: string): SentRequest[] => [
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
  const own = await testApp(t, { prices: createPrices(defaultPrices) })
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
