import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { createClient } from '../helpers/api-client.js'
import { testApp } from '../helpers/app.js'
import { testFolder } from '../helpers/cluster.js'
import { testDatabase } from '../helpers/database.js'
import { mcpServer } from '../helpers/mcp-server.js'
import { chatCompletions as wire } from '../helpers/provider-wire.js'
import { startServer } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'
import { calling, saying } from '../helpers/tool-turns.js'
import { newToolsPem } from '../helpers/tools.js'
import { events, type Reply, upstream } from '../helpers/upstream.js'
import { until } from '../helpers/wait.js'

/** That `serve` hands every setting to the part that it is for; what the parts do with them, their own tests show. */

const longAnswer = 'x'.repeat(5_000)

const open = async (t: Test, settings: Record<string, string>) => {
  const database = await testDatabase(t)
  const provider = await upstream(t)
  const tools = await mcpServer(t, {
    tools: [
      { name: 'long', inputSchema: { type: 'object' } },
      { name: 'hang', inputSchema: { type: 'object' } },
    ],
    call: async (name, _args, { signal }) => {
      if (name === 'hang') await new Promise((resolve) => signal.addEventListener('abort', resolve))
      return { content: [{ type: 'text', text: longAnswer }] }
    },
  })
  const config = join(await testFolder(t), 'mcp.json')
  await writeFile(config, JSON.stringify({ mcpServers: { it: { url: tools.url } } }))
  const server = await startServer(t, {
    env: {
      DATABASE_URL: database.url,
      BETTER_AUTH_SECRET: SECRET,
      CHAT_MCP_CONFIG: config,
      CHAT_TOOLS_KEY: newToolsPem(),
      CHAT_MODEL: 'openai-compatible/m',
      CHAT_MODELS: 'openai-compatible/n',
      OPENAI_COMPATIBLE_BASE_URL: provider.url,
      ...settings,
    },
  })
  const client = createClient(server.url)
  /** Sends a message that the provider replies to so; tells how long the answer took, too. */
  const ask = async (message: object, ...replies: Reply[]) => {
    const from = provider.requests.length
    provider.answer(...replies)
    const start = performance.now()
    const answer = await client.send('alice', { message: 'hi', ...message })
    return { ...answer, ms: performance.now() - start, asked: provider.requests.slice(from) }
  }
  return { ...client, ...database, server, provider, tools, ask }
}

t.test('the limits of models and tools', async (t) => {
  const { ask, tools } = await open(t, {
    CHAT_HISTORY_MESSAGES: '2',
    CHAT_HISTORY_TOKENS: '16000,openai-compatible/n=0',
    CHAT_TOOL_STEPS: '3',
    CHAT_TOOL_CALLS: '2',
    CHAT_TOOL_TIMEOUT_MS: '3000',
    CHAT_TOOL_RESULT_BYTES: '1024',
  })
  const { conversation_id } = (await ask({ message: 'one' }, saying('1'))).body
  await ask({ message: 'two', conversation_id }, saying('2'))
  const contents = (request: { body: { messages: { content: unknown }[] } } | undefined) =>
    request?.body.messages.map(({ content }) => content)
  const third = await ask({ message: 'three', conversation_id }, saying('3'))
  t.same(contents(third.asked[0]), ['two', '2', 'three'], 'CHAT_HISTORY_MESSAGES')
  const other = await ask({ message: 'four', conversation_id, model: 'openai-compatible/n' }, saying('4'))
  t.same(contents(other.asked[0]), ['four'], 'CHAT_HISTORY_TOKENS of a model')

  const result = (await ask({}, calling(['a', 'long', '{}']), saying('.'))).body.tool_calls[0].result
  t.ok(JSON.stringify(result).length < 1_100, 'CHAT_TOOL_RESULT_BYTES')
  const hung = await ask({}, calling(['a', 'hang', '{}']), saying('.'))
  t.match(hung.body, { response: '.', tool_calls: [{ error: String }] }, 'CHAT_TOOL_TIMEOUT_MS')

  const endless = await ask({}, calling(['a', 'long', '{}']))
  t.match(endless, { status: 502, body: { code: 'model-tool-limit' } }, 'CHAT_TOOL_STEPS')
  t.equal(endless.asked.length, 3, 'CHAT_TOOL_STEPS')
  const before = tools.requests.filter(({ body }) => body?.method === 'tools/call').length
  await ask(
    {},
    calling(...['a', 'b', 'c', 'd'].map((id) => [id, 'long', '{}'] as [string, string, string])),
    saying('.'),
  )
  const calls = tools.requests.filter(({ body }) => body?.method === 'tools/call').length - before
  t.equal(calls, 2, 'CHAT_TOOL_CALLS')
})

t.test('the limits of time', async (t) => {
  const { ask, provider } = await open(t, {
    CHAT_FIRST_EVENT_TIMEOUT_MS: '1500',
    CHAT_TURN_TIMEOUT_MS: '6000',
    CHAT_BUSY_WAIT_MS: '200',
  })
  const { conversation_id } = (await ask({}, saying('.'))).body
  const silent = await ask({}, events('HANG'))
  t.match(silent, { status: 504, body: { code: 'model-timeout' } }, 'CHAT_FIRST_EVENT_TIMEOUT_MS')
  const from = provider.requests.length
  const stuck = ask({ conversation_id }, events(wire.begin, wire.text('a word'), 'HANG'))
  await until(() => provider.requests.length > from)
  // Without the limit it would wait for the end of the other one, and be answered.
  const busy = await ask({ conversation_id }, saying('.'))
  t.match(busy, { status: 409, body: { code: 'turn-in-progress' } }, 'CHAT_BUSY_WAIT_MS')
  t.ok(busy.ms >= 199, `CHAT_BUSY_WAIT_MS: ${busy.ms} ms`)
  t.match(await stuck, { status: 504, body: { code: 'model-timeout' } }, 'CHAT_TURN_TIMEOUT_MS')
  t.ok((await stuck).ms >= 5_999, 'CHAT_TURN_TIMEOUT_MS')
  t.ok(silent.ms < (await stuck).ms, 'CHAT_FIRST_EVENT_TIMEOUT_MS is the shorter one')
})

t.test('the settings of an instance', async (t) => {
  const origin = 'https://app.example'
  const { ask, call, server, provider, superuserUrl, url } = await open(t, {
    CHAT_CORS_ORIGINS: `https://other.example, ${origin}`,
    CHAT_LEASE_MS: '1000',
    CHAT_TITLES: 'model',
    DATABASE_POOL_MAX: '2',
  })
  const preflight = await fetch(`${server.url}/api/alice/chat`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST' },
  })
  t.equal(preflight.headers.get('access-control-allow-origin'), origin, 'CHAT_CORS_ORIGINS')

  const { conversation_id } = (await ask({}, saying('an answer'), saying('A title'))).body
  const title = async () => (await call('alice', 'GET', `/conversations/${conversation_id}`)).title
  await until(async () => (await title()) === 'A title', 'CHAT_TITLES: a title by the model')

  await Promise.all(Array.from({ length: 20 }, () => call('alice', 'GET', '/conversations')))
  const root = postgres(superuserUrl, { max: 1 })
  t.teardown(() => root.end())
  const connections = await root`
    select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
  t.equal(connections.length, 2, 'DATABASE_POOL_MAX')

  void ask({ conversation_id }, events(wire.begin, wire.text('a word'), 'HANG')).catch(() => {})
  const conversation = () => call('alice', 'GET', `/conversations/${conversation_id}`)
  await until(async () => (await conversation()).running_turn_id !== null, 'the turn to run')
  const { running_turn_id: id } = await conversation()
  await until(() => provider.requests.length === 3)
  await server.end('SIGKILL')
  const other = await testApp(t, { databaseUrl: url })
  const status = async () => (await other.call('GET', `/api/alice/turns/${id}`)).body.status
  const start = performance.now()
  await until(async () => (await status()) === 'interrupted', 'CHAT_LEASE_MS: the lost turn to be found')
  t.ok(performance.now() - start < 10_000, 'CHAT_LEASE_MS is shorter than when nothing is set')
})

t.test('how long a shutdown may take', async (t) => {
  const { ask, server, provider } = await open(t, { CHAT_SHUTDOWN_MS: '300' })
  const sent = ask({}, events(wire.begin, wire.text('a word'), 'HANG'))
  await until(() => provider.requests.length === 1)
  const start = performance.now()
  t.equal(await server.end(), 0, 'the server ends without an error')
  t.ok(performance.now() - start < 15_000, 'less than when nothing is set')
  t.match(
    await sent,
    { status: 503, body: { code: 'turn-interrupted' } },
    'the turn that was running is interrupted',
  )
})
