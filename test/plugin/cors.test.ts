import fastifyCors from '@fastify/cors'
import Fastify from 'fastify'
import t from 'tap'
import { colloquy } from '../../src/plugin/index.js'
import { send, type WireAnswer } from './wire.js'
import { appWithChat, authorization, get, listening, settings } from './with-chat.js'

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
    /allow-methods: GET, HEAD, POST, PUT, PATCH, DELETE/,
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
