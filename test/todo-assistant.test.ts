import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ToolCall } from '../src/models/model.js'
import { createClient, type Json } from './helpers/api-client.js'
import { testFolder } from './helpers/cluster.js'
import { testDatabase } from './helpers/database.js'
import { until } from './helpers/models.js'
import { type WireCall, chatCompletions as wire } from './helpers/provider-wire.js'
import { thinking, thinkingProviders } from './helpers/reasoning-wire.js'
import { startServer } from './helpers/server.js'
import { todoServer } from './helpers/todo-server.js'
import { SECRET } from './helpers/tokens.js'
import { newToolsPem } from './helpers/tools.js'
import { events, type Reply, upstream } from './helpers/upstream.js'

/**
 * The todo assistant, with nothing of ours replaced: server processes, a PostgreSQL, a tool server that trusts tokens
 * alone, and in the model's place a program that speaks its protocol.
 */

/** A model whose users write `<tool> <arguments>` on a line each; it calls those tools, and then says what they gave. */
const assistant: Reply = (response, { body }) => {
  const last: Json = body.messages.at(-1)
  if (last.role !== 'user') {
    const since = body.messages.findLastIndex(({ role }: Json) => role === 'user')
    const results = body.messages.slice(since).filter(({ role }: Json) => role === 'tool')
    return events(...wire.answer(results.map(({ content }: Json) => content).join('\n')))(response, body)
  }
  const calls = last.content.split('\n').map((line: string, n: number): WireCall => {
    const [, name = '', args = '{}'] = /^(\w+) ?(.*)$/.exec(line) ?? []
    return [`call_${n}`, name, args || '{}']
  })
  return events(...wire.calls(...calls))(response, body)
}

const world = async (t: Test) => {
  const { url: DATABASE_URL } = await testDatabase(t)
  const provider = await upstream(t)
  provider.answer(assistant)
  let url = ''
  const todo = await todoServer(t, { jwksUrl: () => `${url}/.well-known/jwks.json` })
  const folder = await testFolder(t)
  const CHAT_MCP_CONFIG = join(folder, 'mcp.json')
  await writeFile(CHAT_MCP_CONFIG, JSON.stringify({ mcpServers: { todo: { url: todo.url } } }))
  const env = {
    DATABASE_URL,
    BETTER_AUTH_SECRET: SECRET,
    CHAT_MCP_CONFIG,
    CHAT_TOOLS_KEY: newToolsPem(),
    CHAT_MODEL: 'openai-compatible/m',
    OPENAI_COMPATIBLE_BASE_URL: provider.url,
    CHAT_LEASE_MS: '1000',
    LOG_LEVEL: 'trace',
  }
  const start = async () => {
    const server = await startServer(t, { env })
    url = server.url
    return { ...server, ...createClient(server.url) }
  }
  return { provider, todo, start }
}

const outcomes = (calls: ToolCall[]) => calls.map(({ result, error }) => error ?? result)

t.test('two users keep their tasks, each their own', async (t) => {
  const { provider, todo, start } = await world(t)
  const { chat, call, output } = await start()

  const first = await chat(
    'alice',
    'add_task {"title":"Buy milk"}\nadd_task {"title":"Call mum"}\nlist_tasks',
  )
  const milk = { id: 1, title: 'Buy milk', done: false }
  const mum = { id: 2, title: 'Call mum', done: false }
  t.same(outcomes(first.tool_calls), [milk, mum, { tasks: [milk, mum] }])
  t.match(first.response, '"title":"Buy milk"')
  await chat('bob', 'add_task {"title":"Feed cat"}')
  const { conversation_id } = first
  const next = await chat(
    'alice',
    'complete_task {"id":1}\nupdate_task {"id":2,"title":"Call dad"}\ndelete_task {"id":1}\nlist_tasks',
    conversation_id,
  )
  const dad = { ...mum, title: 'Call dad' }
  t.same(outcomes(next.tool_calls), [{ ...milk, done: true }, dad, { deleted: 1 }, { tasks: [dad] }])
  t.same(todo.tasks('alice'), [dad])
  t.same(todo.tasks('bob'), [{ id: 1, title: 'Feed cat', done: false }])

  const { data } = await call('alice', 'GET', `/conversations/${conversation_id}/messages`)
  t.same(
    data.map(({ tool_calls }: Json) => tool_calls),
    [[], first.tool_calls, [], next.tool_calls],
    'all of it is stored',
  )
  const told = provider.requests.at(-1)?.body.messages.map(({ role }: Json) => role)
  t.same(
    told.slice(0, 6),
    ['user', 'assistant', 'tool', 'tool', 'tool', 'assistant'],
    'and told again as whole pairs',
  )

  const greedy = await chat(
    'bob',
    [
      'list_tasks {"user_id":"alice"}',
      'add_task {"title":"Pwned","user_id":"alice"}',
      'delete_task {"id":2}',
      'update_task {"id":2,"title":"Pwned","sub":"alice"}',
      'list_tasks',
    ].join('\n'),
  )
  t.match(
    outcomes(greedy.tool_calls),
    [/user_id/, /user_id/, 'There is no task 2.', /sub/, { tasks: [{ title: 'Feed cat' }] }],
    'a model that writes another user’s id gets nothing',
  )
  t.notMatch(JSON.stringify(greedy), 'Call dad')
  t.same(todo.tasks('alice'), [dad])

  t.notMatch(output(), /eyJ|Buy milk|PRIVATE/, 'the log has no token, no key and nobody’s words')
})

t.test('what an instance did before it was killed is not done again', async (t) => {
  const { provider, todo, start } = await world(t)
  const one = await start()
  const key = { 'idempotency-key': 'k' }
  const message = 'add_task {"title":"Buy milk"}'
  provider.answer(assistant, events(wire.begin, 'HANG'))
  const lost = one.send('alice', { message }, key).catch(() => 'lost')
  await until(() => provider.requests.length === 2)
  const [{ key: firstKey } = {}] = todo.calls
  await one.end('SIGKILL')
  t.equal(await lost, 'lost')

  const two = await start()
  provider.answer(assistant)
  await until(async () => (await two.send('alice', { message }, key)).status === 200)
  const { body, headers } = await two.send('alice', { message }, key)
  t.equal(headers.get('idempotency-replayed'), 'true')
  t.same(outcomes(body.tool_calls), [{ id: 1, title: 'Buy milk', done: false }])
  t.equal(todo.tasks('alice').length, 1)
  for (const call of todo.calls) t.equal(call.key, firstKey, 'a tool server can tell a repeated call')
})

const { deepseek } = thinkingProviders

/** The same of a model that thinks before each step, behind a provider that refuses a request without its former reasoning. */
const thinker: Reply = (response, request) => {
  const last: Json = request.body.messages.at(-1)
  const thoughts = request.body.messages.length
  const thought = { reasoning: `Thought ${thoughts}.`, mark: '' }
  if (last.role !== 'user') return thinking(deepseek, { ...thought, text: last.content })(response, request)
  const [, name = '', args = '{}'] = /^(\w+) ?(.*)$/.exec(last.content) ?? []
  return thinking(deepseek, { ...thought, call: ['call_0', name, args] })(response, request)
}

t.test('a provider that wants its reasoning back gets it, also after a restart', async (t) => {
  const { provider, todo, start } = await world(t)
  provider.answer(thinker)
  const one = await start()
  const { conversation_id } = await one.chat('alice', 'add_task {"title":"Buy milk"}')
  const milk = { id: 1, title: 'Buy milk', done: false }
  const second = await one.chat('alice', 'list_tasks', conversation_id)
  t.same(outcomes(second.tool_calls), [{ tasks: [milk] }], 'the second turn is answered')
  await one.end('SIGTERM')

  const two = await start()
  const third = await two.chat('alice', 'complete_task {"id":1}', conversation_id)
  t.same(outcomes(third.tool_calls), [{ ...milk, done: true }], 'and the third, of a new process')
  t.same(todo.tasks('alice'), [{ ...milk, done: true }], 'the list has what was asked for')
  const { data } = await two.call(
    'alice',
    'GET',
    `/conversations/${conversation_id}/messages?include=reasoning`,
  )
  t.notMatch(
    JSON.stringify(data),
    'Thought',
    'nobody is shown the reasoning who has not set CHAT_REASONING=on',
  )
  const seen = deepseek.seen(provider.requests.at(-1)?.body)
  t.same(seen.slice(0, 2), ['Thought 1.', 'Thought 3.'], 'the provider has seen it from the beginning on')
})
