import { execFile } from 'node:child_process'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import Fastify, { type FastifyServerOptions } from 'fastify'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { type ColloquyOptions, colloquy } from '../../src/plugin/index.js'
import { tokenOf } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { builtProgram } from '../helpers/program.js'
import { SECRET } from '../helpers/tokens.js'
import { upstream } from '../helpers/upstream.js'
import { until, within } from '../helpers/wait.js'
import { send } from './wire.js'

const chunk = (delta: object, finish_reason: string | null = null): string =>
  `data: ${JSON.stringify({ id: '1', object: 'chat.completion.chunk', created: 1, model: 'slow', choices: [{ index: 0, delta, finish_reason }] })}\n\n`

/** An app whose chat has a model that says a first word, and the last one when it is released. */
const slowApp = async (
  t: Test,
  server: FastifyServerOptions = {},
  { first = 'First', ...options }: ColloquyOptions & { first?: string } = {},
) => {
  const provider = await upstream(t)
  const waiting: ServerResponse[] = []
  provider.answer((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (let at = 0; at < first.length; at += 10_000) {
      response.write(chunk({ role: 'assistant', content: first.slice(at, at + 10_000) }))
    }
    waiting.push(response)
  })
  const release = () => {
    for (const response of waiting)
      response.end(`${chunk({ content: ' and last' })}${chunk({}, 'stop')}data: [DONE]\n\n`)
  }
  const database = await testDatabase(t)
  const app = Fastify(server)
  app.get('/tasks', async () => [])
  app.register(colloquy, {
    databaseUrl: database.url,
    betterAuthSecret: SECRET,
    model: 'openai-compatible/slow',
    openaiCompatibleBaseUrl: provider.url,
    env: {},
    ...options,
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const chat = (headers: Record<string, string> = {}) =>
    send(url, {
      method: 'POST',
      path: '/api/alice/chat',
      headers: {
        authorization: `Bearer ${tokenOf('alice')}`,
        'content-type': 'application/json',
        ...headers,
      },
      body: '{"message":"Hello"}',
    })
  const isWorking = (turns = 1) => until(() => waiting.length === turns, 'the model to be asked')
  return { app, database, url, chat, isWorking, release }
}

/** The connections to a database, but for the one that asks. */
const connectionsTo = async (t: Test, superuserUrl: string) => {
  const sql = postgres(superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  return async (): Promise<number> => {
    const [row] = await sql<[{ count: number }]>`
      select count(*)::int as count
      from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`
    return row.count
  }
}

t.test('closing the app lets running turns finish, and ends all that the chat has opened', async (t) => {
  const { app, database, url, chat, isWorking, release } = await slowApp(t)
  const count = await connectionsTo(t, database.superuserUrl)
  const answered = chat()
  const streamed = chat({ accept: 'text/event-stream' })
  await isWorking(2)
  t.ok((await count()) > 0, 'the chat has connections to its database')
  const closed = app.close()
  const refused = async () => (await send(url, { method: 'GET', path: '/tasks' })).status === 503
  await until(refused, 'the app to refuse requests')
  release()
  t.match(
    JSON.parse((await answered).body),
    { status: 'completed', response: 'First and last' },
    'it is answered',
  )
  t.match((await streamed).body, /data: \[DONE\]\n\n$/, 'the stream comes to its end')
  await within('the app to close', closed)
  await until(async () => (await count()) === 0, 'the connections to be closed')
})

t.test('turns that take longer are interrupted within the app’s limit for its hooks', async (t) => {
  const { app, chat, isWorking } = await slowApp(t, { pluginTimeout: 4_000 }, { shutdownMs: 600_000 })
  const answered = chat()
  await isWorking()
  await within('the app to close', app.close(), 30_000)
  const { status, body } = await answered
  t.match(
    { status, ...JSON.parse(body) },
    { status: 503, code: 'turn-interrupted' },
    'the turn is stored as such',
  )
})

t.test('a client that does not read its answers does not keep the app open', async (t) => {
  const { app, url, chat, isWorking, release } = await slowApp(t, {}, { first: '中'.repeat(900_000) })
  const answered = chat()
  await isWorking()
  release()
  const { body } = await answered
  const { conversation_id } = JSON.parse(body)
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  const lines = [
    `GET /api/alice/conversations/${conversation_id}/messages?order=desc HTTP/1.1`,
    'host: x',
    `authorization: Bearer ${tokenOf('alice')}`,
  ]
  // Nobody reads them, so the answers fill the buffers and wait.
  socket.write(`${lines.join('\r\n')}\r\n\r\n`.repeat(6))
  await once(socket, 'readable')
  await within('the app to close', app.close(), 40_000)
  const ended = once(socket, 'close')
  let bytes = 0
  socket.on('data', (chunk) => {
    bytes += chunk.length
  })
  await within('the connection to be cut', ended)
  t.ok(bytes < 6 * 2_700_000, `it is cut after ${bytes} bytes`)
})

t.test('an app that fails to start leaves nothing open when it is closed', async (t) => {
  const database = await testDatabase(t)
  const count = await connectionsTo(t, database.superuserUrl)
  const app = Fastify()
  app.register(colloquy, { databaseUrl: database.url, betterAuthSecret: SECRET, env: {} })
  app.register(async () => {
    throw new Error('another plugin of the app fails')
  })
  await t.rejects(
    async () => void (await app.ready()),
    { message: 'another plugin of the app fails' },
    'the app does not start',
  )
  await app.close().catch(() => {})
  await until(async () => (await count()) === 0, 'the connections to be closed')
})

t.test('an app that is closed before it was ready leaves nothing open', async (t) => {
  const database = await testDatabase(t)
  const count = await connectionsTo(t, database.superuserUrl)
  const app = Fastify()
  await app.register(colloquy, { databaseUrl: database.url, betterAuthSecret: SECRET, env: {} })
  await within('the app to close', app.close())
  await until(async () => (await count()) === 0, 'the connections to be closed')
  t.equal(await count(), 0, 'no connection is left')
})

const program = (root: string) => `
import Fastify from 'fastify'
import { colloquy } from '${root}/src/plugin/index.js'

const names = () => process.eventNames().filter((name) => name !== 'newListener').map(String).sort().join()
const listeners = names()
const environment = JSON.stringify(process.env)
const app = Fastify()
await app.register(colloquy)
await app.register(colloquy, { prefix: '/other' })
const url = await app.listen({ host: '127.0.0.1', port: 0 })
const answers = await Promise.all(['', '/other'].map(async (prefix) => {
  const headers = { authorization: 'Bearer ${tokenOf('alice')}', 'content-type': 'application/json' }
  const response = await fetch(url + prefix + '/api/alice/chat', { method: 'POST', headers, body: '{"message":"Hello"}' })
  return (await response.json()).response
}))
const same = names() === listeners && JSON.stringify(process.env) === environment && process.exitCode === undefined
await app.close()
console.log(JSON.stringify({ answers, same }))
`

t.test('a process with the chat ends by itself once its app has closed, and keeps its signals', async (t) => {
  const { url } = await testDatabase(t)
  const root = builtProgram()
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', program(root)],
    {
      cwd: root,
      env: { ...process.env, DATABASE_URL: url, BETTER_AUTH_SECRET: SECRET, NODE_ENV: 'production' },
      timeout: 60_000,
    },
  )
  t.same(
    JSON.parse(stdout),
    { answers: ['Echo: Hello', 'Echo: Hello'], same: true },
    'two chats answer, configured by the environment, and nothing of the process changes',
  )
  t.equal(stderr, '', 'nothing is printed')
})
