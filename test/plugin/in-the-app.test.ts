import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import Fastify from 'fastify'
import t from 'tap'
import { colloquy } from '../../src/plugin/index.js'
import { crawl } from '../helpers/crawl.js'
import { collectGarbage } from '../helpers/garbage.js'
import { until } from '../helpers/wait.js'
import { send } from './wire.js'
import { appWithChat, authorization, get, json, listening, post, settings, stream } from './with-chat.js'

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
  const collection = await (await fetch(`${url}/chat-service/postman.json`)).json()
  const { variable } = collection as { variable: { key: string; value: string }[] }
  const base = variable.find(({ key }) => key === 'baseUrl')
  t.equal(base?.value, `${url}/chat-service`, 'and as a Postman collection')
  const page = await fetch(`${url}/chat-service/docs`)
  t.match(await page.text(), /swagger-ui/, 'and as a page')
  const script = await fetch(`${url}/chat-service/docs/static/swagger-ui-bundle.js`)
  t.match([script.status, script.headers.get('content-type')], [200, /javascript/], 'with what it loads')
  t.equal(await (await fetch(`${url}/docs`)).text(), 'docs of the app', 'beside that of the app')
  const { read, dead } = await crawl(`${url}/chat-service/llms.txt`)
  t.same(dead, [], 'llms.txt leads to what there is below the prefix')
  t.equal(
    read.get('/chat-service/docs/guides/tools.md'),
    'text/markdown; charset=utf-8',
    'such as the guides',
  )
  const guides = await crawl(`${url}/chat-service/docs/guides`)
  t.same(guides.dead, [], 'whose pages link each other')
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

t.test('a client that leaves while a hook of the app is at work leaves nothing behind', async (t) => {
  const requests: WeakRef<object>[] = []
  const { url } = await appWithChat(t, {
    prepare(app) {
      app.addHook('onRequest', async ({ raw }) => {
        requests.push(new WeakRef(raw))
        await once(raw.socket, 'close')
      })
    },
  })
  const { hostname, port } = new URL(url)
  const abandoned = 10
  for (let at = 1; at <= abandoned; at += 1) {
    const socket = connect(Number(port), hostname).on('error', () => {})
    socket.write(
      `GET /api/alice/conversations HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n\r\n`,
    )
    await until(() => requests.length === at, 'the hook to be at work')
    socket.destroy()
  }
  const areForgotten = async () => {
    await collectGarbage()
    return requests.filter((request) => request.deref()).length === 0
  }
  await until(areForgotten, 'the requests to be forgotten')
  t.equal(requests.length, abandoned, 'no request and no answer is kept')
})
