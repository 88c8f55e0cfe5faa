import { createServer, request as forward } from 'node:http'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t, { type Test } from 'tap'
import { ToolError } from '../../src/tools/tool.js'
import { listen } from '../helpers/listen.js'
import { type TodoServerOptions, todoServer } from '../helpers/todo-server.js'
import { newToolKeys, publishing, testTools } from '../helpers/tools.js'

const setUp = async (t: Test, options: Partial<TodoServerOptions> = {}, entry: object = {}) => {
  const keys = newToolKeys()
  const server = await todoServer(t, { jwksUrl: await publishing(t, () => keys), ...options })
  return { server, tools: testTools(t, { todo: { url: server.url, ...entry } }, { keys }) }
}

for (const era of ['2025', '2026'] as const) {
  t.test(`the tools of a server of MCP ${era} are called in the name of the user`, async (t) => {
    const { server, tools } = await setUp(t, { era })
    const alice = await tools.of('alice')
    t.same(
      alice.names,
      ['add_task', 'list_tasks', 'complete_task', 'delete_task', 'update_task'],
      'every tool is offered under its name',
    )
    t.match(
      alice.get('add_task'),
      {
        description: 'Adds a task to the list.',
        readOnly: false,
        inputSchema: { type: 'object', required: ['title'] },
      },
      'a tool has the description and the schema of its server',
    )
    t.equal(alice.get('list_tasks').readOnly, true, 'and its note that it only reads')

    const title = 'Buy milk'
    const key = 'the-same'
    t.same(
      await alice.call('add_task', { title }, { key }),
      { id: 1, title, done: false },
      'the result is what the server gave',
    )
    await alice.call('add_task', { title }, { key })
    t.same(
      server.calls[1],
      { user: 'alice', name: 'add_task', args: { title }, key },
      'the server gets the user, the arguments and the key',
    )
    t.equal(server.tasks('alice').length, 1, 'the same key, the same call')
    await alice.call('complete_task', { id: 1 })

    const bob = await tools.of('bob')
    t.same(await bob.call('list_tasks'), { tasks: [] }, 'another user has tasks of their own')
    t.same(
      await alice.call('list_tasks'),
      { tasks: [{ id: 1, title, done: true }] },
      'and does not change those of the first',
    )
    const failure = new ToolError('There is no task 1.')
    await t.rejects(bob.call('delete_task', { id: 1 }), failure, 'a failure is told in the tool’s own words')
    t.equal(server.sessions(), era === '2025' ? 2 : 0, 'a session for each user')
    t.same(tools.logged, [], 'nothing is logged')
    t.notOk(
      server.requests.some(({ method }) => method === 'GET'),
      'no stream is opened beside the calls',
    )
  })
}

t.test('every request has a token of its own, which is good for a minute and one server', async (t) => {
  const { server, tools } = await setUp(
    t,
    { audience: 'todo' },
    { audience: 'todo', headers: { 'x-a': 'b' } },
  )
  await (await tools.of('alice')).call('list_tasks')
  await tools.close()
  const tokens = server.requests.map(({ headers }) => headers.authorization?.slice('Bearer '.length) ?? '')
  t.equal(server.requests.at(-1)?.method, 'DELETE', 'the last of which ends the session')
  t.ok(tokens.length >= 5, 'there were requests of every kind')
  t.equal(new Set(tokens).size, tokens.length, 'no two share a token')
  for (const [i, token] of tokens.entries()) {
    const { iat = 0, exp = 0, jti, ...claims } = decodeJwt(token)
    t.match(
      decodeProtectedHeader(token),
      { alg: 'EdDSA', typ: 'JWT', kid: /^[\w-]{43}$/ },
      `token ${i} names its key`,
    )
    t.same(claims, { iss: 'colloquy', aud: 'todo', sub: 'alice' }, `token ${i}: one server, one user`)
    t.equal(exp - iat, 60, `token ${i} is good for a minute`)
    t.match(jti, /^[\da-f-]{36}$/, `token ${i} has an id`)
  }
  t.ok(
    server.requests.every(({ headers }) => headers['x-a'] === 'b'),
    'every request has the configured header',
  )
})

t.test('a token for one server is of no use at another', async (t) => {
  const { tools } = await setUp(t, { audience: 'todo' }, { audience: 'notes' })
  t.same((await tools.of('alice')).names, [], 'the turn goes without its tools')
  t.same(
    tools.logged,
    [{ server: 'todo', reason: 'it answered 401', text: 'tool server unavailable' }],
    'the server refused the token',
  )
})

/** One address in front of several servers, each at a path of its own; gives the address. */
const oneHost = async (t: Test, urls: Record<string, string>): Promise<string> => {
  const front = createServer((request, response) => {
    const { method, headers } = request
    const onward = forward(urls[request.url ?? ''] ?? '', { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  return listen(t, front)
}

t.test('two servers on one host, with one audience, are told apart', async (t) => {
  const keys = newToolKeys()
  const jwksUrl = await publishing(t, () => keys)
  const audience = 'tasks'
  const home = await todoServer(t, { jwksUrl, audience })
  const work = await todoServer(t, { jwksUrl, audience })
  const host = await oneHost(t, { '/home': home.url, '/work': work.url })
  const entry = (name: string) => ({ url: `${host}/${name}`, audience, headers: { 'x-list': name } })
  const tools = testTools(t, { home: entry('home'), work: entry('work') }, { keys })
  const alice = await tools.of('alice')
  t.ok(alice.names.includes('add_task') && alice.names.includes('work_add_task'), 'both offer their tools')
  await alice.call('add_task', { title: 'Buy milk' })
  await alice.call('work_add_task', { title: 'Write the report' })
  const titles = (server: typeof home) => server.tasks('alice').map(({ title }) => title)
  t.same(titles(home), ['Buy milk'], 'a call reaches its own server')
  t.same(titles(work), ['Write the report'], 'and so does that of the other')
  for (const [name, { requests }] of Object.entries({ home, work })) {
    t.same(
      new Set(requests.map(({ headers }) => headers['x-list'])),
      new Set([name]),
      `${name}: its own headers`,
    )
  }
})

t.test('each of two servers gets tokens for its own audience', async (t) => {
  const keys = newToolKeys()
  const jwksUrl = await publishing(t, () => keys)
  const home = await todoServer(t, { jwksUrl, audience: 'home' })
  const work = await todoServer(t, { jwksUrl, audience: 'work' })
  const servers = { home: { url: home.url, audience: 'home' }, work: { url: work.url, audience: 'work' } }
  const tools = testTools(t, servers, { keys })
  const alice = await tools.of('alice')
  t.same(await alice.call('list_tasks'), { tasks: [] }, 'the first accepts its tokens')
  t.same(await alice.call('work_list_tasks'), { tasks: [] }, 'and so does the second')
  t.same(tools.logged, [], 'none is refused')
})

t.test(
  'keys are rotated: both are published for a while, and one that is not verifies nothing',
  async (t) => {
    const [first] = newToolKeys()
    const [second] = newToolKeys()
    const [unknown] = newToolKeys()
    if (!first || !second || !unknown) return t.fail('no keys')
    let published = [first]
    const server = await todoServer(t, { jwksUrl: await publishing(t, () => published) })
    const with_ = (...keys: (typeof first)[]) => testTools(t, { todo: { url: server.url } }, { keys })
    const before = with_(first)
    t.equal((await before.of('alice')).names.length, 5, 'the published key signs')
    published = [second, first]
    t.equal((await with_(second, first).of('alice')).names.length, 5, 'the first signs')
    t.equal((await before.of('bob')).names.length, 5, 'an instance that knows only the old one goes on')
    t.equal(
      (await with_(unknown, first).of('alice')).names.length,
      0,
      'a key that is not published is refused',
    )
  },
)

t.test('an Authorization of the configuration is sent in place of a token of ours', async (t) => {
  const { server, tools } = await setUp(t, {}, { headers: { authorization: 'Basic eA==' } })
  t.same((await tools.of('alice')).names, [], 'the server refuses it')
  t.same(
    [...new Set(server.requests.map(({ headers }) => headers.authorization))],
    ['Basic eA=='],
    'no token was sent',
  )
})

t.test('the configuration limits a server and its tools to users, and switches them off', async (t) => {
  const { server } = await setUp(t)
  const url = server.url
  const tools = testTools(t, {
    off: { url, disabled: true },
    some: { url, users: ['bob'], headers: { authorization: 'x' } },
    todo: {
      url,
      tools: {
        add_task: { users: ['alice'] },
        delete_task: { disabled: true },
        complete_task: { users: [] },
        'erase everything': {},
      },
    },
  })
  server.answer(({ body }, response) => {
    const tool = (name: string) => ({ name, inputSchema: { type: 'object' } })
    const results: Record<string, object> = {
      'tools/list': { tools: ['add_task', 'delete_task', 'complete_task', 'update_task'].map(tool) },
      initialize: {
        protocolVersion: '2025-06-18',
        capabilities: { tools: {} },
        serverInfo: { name: 'x', version: '1' },
      },
    }
    const result = results[body.method]
    if (!result) return void response.writeHead(body.id === undefined ? 202 : 400).end()
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ jsonrpc: '2.0', id: body.id, result }))
  })
  t.same(
    (await tools.of('alice')).names,
    ['add_task', 'update_task'],
    'alice has the tools that are not switched off or limited to others',
  )
  t.same(
    server.requests.filter(({ headers }) => headers.authorization === 'x'),
    [],
    'bob’s server is not asked for alice',
  )
  t.same(
    (await tools.of('bob')).names,
    ['add_task', 'delete_task', 'complete_task', 'update_task', 'todo_update_task'],
    'bob has those limited to him, in both servers',
  )
  t.same(
    tools.logged,
    [
      {
        server: 'todo',
        tool: 'erase everything',
        text: 'the configuration names a tool that its server does not have',
      },
    ],
    'a configured tool that does not exist is logged',
  )
})
