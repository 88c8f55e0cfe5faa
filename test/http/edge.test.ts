import { once } from 'node:events'
import { METHODS } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { echo } from '../../src/models/echo.js'
import type { Model } from '../../src/models/model.js'
import { type TestAppOptions, testApp, tokenOf } from '../helpers/app.js'
import { rawCall, rawExchange } from '../helpers/raw.js'
import { until } from '../helpers/wait.js'

const authorization = `authorization: Bearer ${tokenOf('alice')}`
const json = 'content-type: application/json'

/** A request as bytes, each a character. */
const request = (line: string, headers: string[] = [], body = '', version = '1.1'): Buffer => {
  const length = body === '' ? [] : [`content-length: ${body.length}`]
  const head = [`${line} HTTP/${version}`, 'host: a', ...headers, ...length]
  return Buffer.from([...head, '', body].join('\r\n'), 'latin1')
}
const closing = (line: string, headers: string[] = [], body = '') =>
  request(line, ['connection: close', ...headers], body)
const turn = (headers: string[] = []) =>
  request('POST /api/alice/chat', [authorization, json, ...headers], '{"message":"hi"}')
const chunked = request('POST /api/alice/chat', [authorization, json, 'transfer-encoding: chunked'])
const garbage = Buffer.from('GARBAGE\r\n\r\n')
const brokenBody = Buffer.concat([chunked, Buffer.from('zz\r\n')])

/** A test app with everything that it logs. */
const loggingApp = async (t: Test, options: TestAppOptions = {}) => {
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line) => void lines.push(line) })
  const errors = () => lines.filter((line) => JSON.parse(line).level >= 50)
  return { ...(await testApp(t, { ...options, log })), lines, errors }
}

const open = async (t: Test, url: string): Promise<Socket> => {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** The echo, once `ready` says so. */
const slowly = (ready: () => Promise<unknown>): Model => ({
  name: 'slow',
  async *run(asked) {
    await ready()
    yield* echo().run(asked)
  },
})

t.test('the route is judged before the body and the token', async (t) => {
  const { url } = await testApp(t)
  const rows: [string, number][] = [
    ['POST /nope', 404],
    ['PUT /api/alice/chat', 405],
    ['POST /openapi.json', 405],
    ['DELETE http://a/api/alice/chat', 405],
  ]
  for (const [line, status] of rows) {
    t.equal((await rawCall(t, url, closing(line, [json], '{'))).status, status, line)
    t.equal(
      (await rawCall(t, url, closing(line, ['content-type: text/plain'], 'x'))).status,
      status,
      `${line}: before a body of another type`,
    )
  }
  // The parser of Node 20 does not know the method.
  const known = METHODS.includes('QUERY')
  const [path, method] = known ? [404, 405] : [400, 400]
  t.equal((await rawCall(t, url, closing('QUERY /nope', [], '{}'))).status, path, 'a new method, nowhere')
  t.equal((await rawCall(t, url, closing('QUERY /api/alice/chat'))).status, method, 'a new method, somewhere')
})

t.test('a client that goes away in mid-body is no error of ours', async (t) => {
  const { app, url, lines, errors } = await loggingApp(t)
  const socket = await open(t, url)
  const arrived = once(app.server, 'request')
  socket.write(turn().subarray(0, -4))
  const [incoming] = await arrived
  await until(() => incoming.listenerCount('data') > 0)
  const closed = new Promise((resolve) => incoming.on('error', () => {}).once('close', resolve))
  socket.destroy()
  await closed
  t.equal((await rawCall(t, url, closing('GET /health/live'))).status, 200, 'the next request is answered')
  t.same(errors(), [], 'nothing is logged as an error')
  t.notMatch(lines.join(''), /internal-error|"status":5/, 'and nothing is logged as a fault of ours')
})

t.test('garbage behind a request does not take the place of its answer', async (t) => {
  let begun = () => {}
  let ready: () => Promise<unknown> = async () => {}
  const { app, url } = await testApp(t, {
    model: slowly(() => {
      begun()
      return ready()
    }),
  })
  const answersOf = (bytes: string) => bytes.match(/HTTP\/1\.1 \d+/g)

  t.same(
    answersOf(await rawExchange(url, Buffer.concat([turn(), garbage]))),
    ['HTTP/1.1 200'],
    'a fast model',
  )
  let seen: Promise<unknown>
  ready = async () => seen
  for (const behind of [garbage, brokenBody]) {
    seen = once(app.server, 'clientError')
    const bytes = await rawExchange(url, Buffer.concat([turn(), behind]))
    t.match(bytes, /^HTTP\/1\.1 200 .*"status":"completed"/s, 'the turn goes on')
    t.same(answersOf(bytes), ['HTTP/1.1 200'], 'and its answer is the only one')
  }
  seen = once(app.server, 'clientError')
  const socket = await open(t, url)
  const running = new Promise<void>((resolve) => {
    begun = resolve
  })
  socket.write(turn())
  await running
  socket.write(garbage)
  t.same(answersOf(await text(socket)), ['HTTP/1.1 200'], 'garbage while the model works')
})

t.test('a body that breaks its framing is answered at once', async (t) => {
  const { url } = await testApp(t)
  const { status, body } = await rawCall(t, url, brokenBody)
  t.same(
    [status, JSON.parse(body).code],
    [400, 'malformed-request'],
    'the broken body is refused as malformed',
  )
})

t.test('a client that closes its side after the request gets its answer', async (t) => {
  let release = () => {}
  const ended = new Promise<void>((resolve) => {
    release = resolve
  })
  const { app, url } = await testApp(t, { model: slowly(() => ended) })
  app.server.once('connection', (socket: Socket) => socket.once('end', release))
  const socket = await open(t, url)
  socket.end(turn())
  t.match(
    await text(socket),
    /^HTTP\/1\.1 200 .*"status":"completed"/s,
    'the turn goes on, and its answer arrives',
  )
})

t.test('a URL that leads nowhere is not logged, and its answer has the common headers', async (t) => {
  const { url, lines } = await loggingApp(t)
  for (const path of ['/api/%ff/conversations', '/sensitive/%zz', '/sensitive/%00', '/sensitive']) {
    const { status, headers } = await rawCall(t, url, closing(`GET ${path}?secret=1`))
    t.equal(status, path === '/sensitive' ? 404 : 400, path)
    const common = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' }
    t.match(headers, { ...common, 'x-request-id': /^[\da-f-]{36}$/ }, `${path}: the common headers`)
  }
  t.match(lines.join(''), /"status":404/, 'requests are logged')
  t.notMatch(
    lines.join(''),
    /secret|sensitive|%ff|%zz|conversations/,
    'the log shows neither the paths nor the queries',
  )
})

t.test('instance is a URI reference, whatever was asked for', async (t) => {
  const ajv = new Ajv2020()
  addFormats.default(ajv)
  const isReference = ajv.compile({ type: 'string', format: 'uri-reference', maxLength: 2_048 })
  const { url } = await testApp(t)
  const cut = `/apix${'%41'.repeat(1_000)}`
  const paths = ['/api/al|ice/x', '/x"<>', '/%zz', '/x%', '//a:b/', '/[x]#y', '/\\^`{}', '/\xc3\xa9\xff', cut]
  for (const path of paths) {
    const { status, body } = await rawCall(t, url, closing(`GET ${path}?secret`))
    const { instance } = JSON.parse(body)
    t.ok(status === 404 || status === 400, `${path.slice(0, 20)} ${status}`)
    t.ok(isReference(instance ?? ''), `${path.slice(0, 20)}: ${instance}`)
    t.equal(new URL(instance ?? '', 'http://here').host, 'here', `${path.slice(0, 20)}: on the same host`)
    t.notMatch(instance, /secret/, `${path.slice(0, 20)}: without the query`)
  }
})

t.test('other ways of speaking HTTP', async (t) => {
  const { url } = await testApp(t)
  const many = Array.from({ length: 2_100 }, () => 'a:b')
  const twice = closing('GET /api/alice/conversations', [authorization, ...many, authorization])
  t.equal((await rawCall(t, url, twice)).status, 400, 'two tokens with 2,100 headers between them')

  for (const upgrade of ['websocket', 'h2c']) {
    const headers = [`upgrade: ${upgrade}`, 'connection: upgrade', authorization]
    const answer = await rawCall(t, url, request('GET /api/alice/conversations', headers))
    t.match(answer, { status: 200, headers: { connection: 'close' } }, upgrade)
  }
  t.match(
    await rawExchange(url, 'GET /health/live HTTP/1.0\r\n\r\n'),
    /^HTTP\/1\.1 200 /,
    'HTTP/1.0 without a Host header',
  )
  const old = request('POST /api/alice/chat', [authorization, json], '{"message":"hi"}', '1.0')
  t.match(await rawCall(t, url, old), { status: 200, body: /"status":"completed"/ }, 'HTTP/1.0')
})

t.test('the files of the reference page, and nothing else', async (t) => {
  const { url, errors } = await loggingApp(t)
  const names = ['nope.js', '.gitignore', '../package.json', '%2e%2e', '%2e%2e/package.json']
  for (const name of [...names, '..%2f..%2fpackage.json', '..%5c..%5cpackage.json']) {
    t.equal((await rawCall(t, url, closing(`GET /docs/static/${name}`))).status, 404, name)
  }
  for (const header of ['range: bytes=99999999-', 'if-match: "x"']) {
    const { status } = await rawCall(t, url, closing('GET /docs/static/swagger-ui.css', [header]))
    t.ok(status >= 400 && status < 500, `${header}: ${status}`)
  }
  t.match(
    await rawExchange(url, closing('GET /docs/static/swagger-ui.css')),
    /^HTTP\/1\.1 200 /,
    'a file of the page is served',
  )
  t.same(errors(), [], 'nothing is logged as an error')
})
