import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { echo } from '../../src/models/echo.js'
import type { Model } from '../../src/models/model.js'
import { type TestApp, testApp, tokenOf } from '../helpers/app.js'
import { until } from '../helpers/models.js'

const authorization = `authorization: Bearer ${tokenOf('alice')}`
const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n${authorization}\r\n\r\n`

/** Connects and sends this, and reads nothing until it is told to. */
const open = async (t: Test, { url }: TestApp, text: string): Promise<Socket> => {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1' })
  socket.pause()
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  socket.write(text)
  return socket
}

const stalling = { heartbeatMs: 50, stalledMs: 1_000 }

/** The server's side of all connections, as long as they are open. */
const watchSockets = ({ app }: TestApp): Set<Socket> => {
  const sockets = new Set<Socket>()
  app.server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return sockets
}

const fill = async (app: TestApp): Promise<string> => {
  const { conversation_id: id } = await app.chat('hi')
  for (let n = 0; n < 10; n += 1) await app.chat('hi', { conversation_id: id })
  await app.db.asUser('alice', (sql) => sql`update colloquy.messages set content = repeat('x', 45000)`)
  return `/api/alice/conversations/${id}/messages?limit=100`
}

t.test('who reads nothing is cut, whatever was asked for, and holds little until then', async (t) => {
  const app = await testApp(t, { streamTimeouts: stalling })
  const list = await fill(app)
  const sockets = watchSockets(app)
  let answered = 0
  app.app.server.on('request', (_, response) => response.once('finish', () => (answered += 1)))
  for (const path of [list, '/docs/static/swagger-ui-bundle.js', '/openapi.json']) {
    answered = 0
    // More than the system's own buffers take.
    const asked = 150
    await Promise.all(Array.from({ length: 5 }, () => open(t, app, get(path).repeat(asked))))
    let most = 0
    await until(() => {
      most = Math.max(most, ...[...sockets].map(({ writableLength }) => writableLength))
      return sockets.size === 0
    })
    t.ok(most > 0 && most < 300_000, `${path}: ${most} bytes wait for a client at most`)
    t.ok(answered < 5 * asked, `${path}: ${answered} answers were made`)
  }
})

t.test('who reads slowly gets everything', async (t) => {
  const app = await testApp(t, { streamTimeouts: stalling })
  const path = await fill(app)
  const times = 20
  const socket = await open(
    t,
    app,
    get(path).repeat(times - 1) + get(path).replace('host', 'connection: close\r\nhost'),
  )
  let bytes = 0
  const began = performance.now()
  socket.on('data', (chunk) => {
    bytes += chunk.length
    socket.pause()
    setTimeout(() => socket.resume(), 15)
  })
  socket.resume()
  await once(socket, 'close')
  t.ok(bytes > times * 22 * 45_000, `${bytes} bytes`)
  t.ok(performance.now() - began > stalling.stalledMs, 'over longer than the limit')
})

t.test('requests on one connection are answered one after the other', async (t) => {
  let working = 0
  let most = 0
  const model: Model = {
    name: 'counting',
    async *run(asked) {
      working += 1
      most = Math.max(most, working)
      await sleep(20)
      working -= 1
      yield* echo().run(asked)
    },
  }
  const app = await testApp(t, { model })
  const body = '{"message":"hi"}'
  const head = ['POST /api/alice/chat HTTP/1.1', 'host: a', authorization, 'content-type: application/json']
  const post = [...head, `content-length: ${body.length}`, '', body].join('\r\n')
  const last = get('/health/ready').replace('host', 'connection: close\r\nhost')
  const socket = await open(t, app, post + get('/openapi.yaml') + post + get('/nope') + post + last)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.resume()
  await once(socket, 'close')
  const statuses = Buffer.concat(chunks)
    .toString()
    .match(/HTTP\/1\.1 \d+/g)
  t.same(
    statuses?.map((line) => Number(line.slice(9))),
    [200, 200, 200, 404, 200, 200],
    'the answers come in the order of the requests',
  )
  t.equal(most, 1, 'one turn runs at a time')
})

t.test(
  'past the maximum of connections the rest is told to come back, and probes are answered',
  async (t) => {
    const lines: string[] = []
    const log = pino({ level: 'warn' }, { write: (line) => void lines.push(line) })
    const app = await testApp(t, { maxConnections: 3, log })
    const sockets = watchSockets(app)
    const held = await Promise.all(Array.from({ length: 3 }, () => open(t, app, '')))
    await until(() => sockets.size === 3)
    t.match(
      await app.call('GET', '/api/alice/conversations'),
      { status: 503, body: { code: 'too-many-connections' } },
      'a request past the maximum is refused',
    )
    t.equal(
      (await app.call('GET', '/api/alice/conversations')).headers.get('retry-after'),
      '2',
      'and told when to come back',
    )
    for (const path of ['/health/live', '/health/ready', '/.well-known/jwks.json'])
      t.equal((await app.call('GET', path)).status, 200, path)
    const more = await Promise.all(Array.from({ length: 40 }, () => open(t, app, '')))
    await sleep(100)
    t.ok(sockets.size <= 23, `${sockets.size} connections`)
    t.match(lines.length, 1, 'one line in the log')
    t.match(lines[0], /"max":3,.*"too many connections"/, 'the line shows the maximum and the refusal')
    for (const socket of [...held, ...more]) socket.destroy()
    await until(() => sockets.size <= 2)
    t.equal((await app.call('GET', '/api/alice/conversations')).status, 200, 'room again')
  },
)
