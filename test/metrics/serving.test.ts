import Fastify from 'fastify'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import t from 'tap'
import { listenForMetrics, metricsPageFor, openMetrics } from '../../src/commands/metrics.js'
import { readConfig } from '../../src/config.js'
import { listenForScrapers } from '../../src/metrics/listener.js'
import { colloquy } from '../../src/plugin/index.js'
import { testApp } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { startServer } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'
import { scrape } from './scrape.js'

const token = 'a-token-of-the-scraper'
const bearer = (of: string) => ({ authorization: `Bearer ${of}` })

t.test('they are off unless a variable turns them on, and a bad one stops the start', async (t) => {
  t.equal(readConfig({}).metrics, undefined, 'off')
  t.equal(readConfig({ CHAT_METRICS_HOST: '0.0.0.0' }).metrics, undefined, 'a host alone opens nothing')
  t.same(
    readConfig({ CHAT_METRICS_PORT: '0' }).metrics,
    { listener: { host: '127.0.0.1', port: 0 }, token: undefined },
    'a port of their own is on loopback',
  )
  t.same(
    readConfig({ CHAT_METRICS_PORT: '9464', CHAT_METRICS_HOST: '::', CHAT_METRICS_TOKEN: token }).metrics,
    { listener: { host: '::', port: 9464 }, token },
    'or where its host says',
  )
  for (const env of [
    { CHAT_METRICS_PORT: '65536' },
    { CHAT_METRICS_TOKEN: 'short' },
    { CHAT_METRICS_TOKEN: 'with a space in it' },
  ])
    t.throws(() => readConfig(env), { message: /^CHAT_METRICS_\w+ must be/ }, JSON.stringify(env))
})

t.test('a token alone serves them on the port of the server, to those who send it', async (t) => {
  const config = readConfig({ CHAT_METRICS_TOKEN: token })
  const opened = await openMetrics(config)
  const { metrics } = opened
  const app = await testApp(t, { metrics, metricsPage: metricsPageFor(config, opened) })
  const url = `${app.url}/metrics`
  for (const [what, headers] of Object.entries({
    'no token': {},
    'another token': bearer(`${token}x`),
    'an empty one': bearer(''),
    'another scheme': { authorization: `Basic ${token}` },
    'a user’s': bearer('eyJhbGciOiJIUzI1NiJ9.e30.x'),
  })) {
    const refused = await fetch(url, { headers: headers as Record<string, string> })
    t.equal(refused.status, 401, `${what} is refused`)
    t.equal(refused.headers.get('www-authenticate'), 'Bearer', 'which says what is wanted')
    t.match(await refused.json(), { code: 'unauthenticated' }, 'as a problem')
  }
  const answer = await fetch(url, { headers: bearer(token) })
  t.equal(answer.status, 200, 'the scraper is answered')
  t.match(answer.headers.get('content-type'), /^text\/plain; version=0\.0\.4/, 'in Prometheus’ format')
  t.match(
    await answer.text(),
    'colloquy_http_requests_total{operation="other",status="401",code="unauthenticated"} 5',
    'with what was refused',
  )
  const wrong = await fetch(url, { method: 'POST', headers: bearer(token) })
  t.equal(wrong.status, 405, 'they are read only')
})

t.test(
  'a listener of their own serves nothing else, and asks for the token where there is one',
  async (t) => {
    const exposition = { contentType: 'text/plain', read: async () => 'a 1\n' }
    const open = async (token: string | undefined) => {
      const listener = await listenForScrapers({ host: '127.0.0.1', port: 0, token, exposition })
      t.teardown(listener.close)
      return listener.url
    }
    const url = await open(undefined)
    const status = async (of: string, init: RequestInit = {}) => (await fetch(of, init)).status
    t.equal(await (await fetch(url)).text(), 'a 1\n', 'the metrics')
    t.equal(await status(url, { method: 'HEAD' }), 200, 'their head')
    t.equal(await status(url, { method: 'POST' }), 405, 'nothing is written')
    t.equal(await status(new URL('/api/alice/conversations', url).href), 404, 'nothing else is there')
    const { port } = new URL(url)
    await t.rejects(
      listenForMetrics(readConfig({ CHAT_METRICS_PORT: port }), { exposition }, { log: pino(), defer() {} }),
      { message: new RegExp(`^CHAT_METRICS_PORT ${port} is in use by another program`) },
      'a port that is taken stops the start, and is named',
    )
    const guarded = await open(token)
    t.equal(await status(guarded), 401, 'without the token')
    t.equal(await status(guarded, { headers: bearer(token) }), 200, 'with it')
  },
)

t.test('serve opens their port where it is told to, and serves none elsewhere', async (t) => {
  const { url } = await testDatabase(t)
  const env = { DATABASE_URL: url, BETTER_AUTH_SECRET: SECRET }
  const off = await startServer(t, { env })
  const missing = await fetch(`${off.url}/metrics`)
  t.equal(missing.status, 404, 'there are none')
  t.match(await missing.json(), { code: 'route-not-found' }, 'as of any path that is not there')

  const on = await startServer(t, { env: { ...env, CHAT_METRICS_PORT: '0' } })
  const printed = await on.printed(/http:[^"]+\/metrics/)
  await fetch(`${on.url}/health/ready`)
  const seen = await scrape(printed)
  t.equal(
    seen.value('colloquy_http_requests_total', { operation: 'getReadiness', status: '200' }),
    1,
    'they are at a port of their own',
  )
  t.ok((seen.value('colloquy_database_round_trips_total', { kind: 'login' }) ?? 0) > 0, 'with the database’s')
  t.equal((await fetch(`${on.url}/metrics`)).status, 404, 'and not at the server’s')
})

t.test('an app’s registry gets the chat’s series, of several chats as well', async (t) => {
  const { url: databaseUrl } = await testDatabase(t)
  const registry = new Registry()
  const app = Fastify()
  t.teardown(() => app.close())
  const options = { databaseUrl, betterAuthSecret: SECRET, env: {}, metrics: registry }
  app.register(colloquy, { ...options, prefix: '/one', metricsToken: token })
  app.register(colloquy, { ...options, prefix: '/two' })
  await app.ready()
  await app.inject('/one/health/ready')
  await app.inject('/two/health/ready')
  const text = await registry.metrics()
  t.match(
    text,
    'colloquy_http_requests_total{operation="getReadiness",status="200",code="none"} 2',
    'both count',
  )
  t.match(text, 'colloquy_database_connections_limit 20', 'and what is read of both adds up')
  t.notMatch(text, 'process_cpu', 'the process is the app’s business')
  const one = await app.inject({ url: '/one/metrics', headers: bearer(token) })
  t.match(one.body, 'colloquy_running_turns 0', 'a token has them served as well')
  t.equal(
    (await app.inject({ url: '/two/metrics', headers: bearer(token) })).statusCode,
    404,
    'where it is set',
  )
  const bad = Fastify()
  bad.register(colloquy, { ...options, metrics: {} as Registry })
  await t.rejects(
    async () => void (await bad.ready()),
    { message: 'colloquy: metrics must be a registry of prom-client' },
    'anything else is refused',
  )
})
