import { createServer, type ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { ToolError } from '../../src/tools/tool.js'
import { listen } from '../helpers/listen.js'
import { type McpServerOptions, mcpServer } from '../helpers/mcp-server.js'
import { until } from '../helpers/models.js'
import { testTools } from '../helpers/tools.js'

const empty = { type: 'object' }
const text = (text: string) => ({ content: [{ type: 'text' as const, text }] })

const lost = new ToolError('The tool server failed; it is not known whether the call was executed.')

/** A server with one tool, `work`, and a clock that only the test moves. */
const setUp = async (
  t: Test,
  call: McpServerOptions['call'],
  options: Partial<McpServerOptions> = {},
  toolOptions: { connectMs?: number } = {},
) => {
  const userOf = ({ authorization = '' }) => {
    const [, claims = ''] = authorization.split('.')
    return JSON.parse(Buffer.from(claims, 'base64url').toString()).sub
  }
  const tools = [{ name: 'work', inputSchema: empty }]
  const server = await mcpServer(t, { tools, call, userOf, ...options })
  const clock = { ms: 0 }
  const source = testTools(
    t,
    { one: { url: server.url } },
    { now: () => clock.ms, maxResultBytes: 1_024, maxSessions: 2, ...toolOptions },
  )
  const asked = (method: string) => server.requests.filter(({ body }) => body?.method === method)
  const pass = (ms: number) => {
    clock.ms += ms
  }
  return { server, tools: source, asked, pass }
}

t.test('turns that begin at once share one connection, and a list is good for a minute', async (t) => {
  const { tools, asked, pass } = await setUp(t, () => text('done'))
  await Promise.all([1, 2, 3, 4].map(() => tools.of('alice')))
  pass(59_999)
  await tools.of('alice')
  t.same(
    [asked('initialize').length, asked('tools/list').length],
    [1, 1],
    'four turns and one a minute later share a connection and a list',
  )
  pass(1)
  await tools.of('alice')
  t.same(
    [asked('initialize').length, asked('tools/list').length],
    [1, 2],
    'after a minute the list is fetched again, on the same connection',
  )
})

t.test('a session ends when it was not used for five minutes, or when others need its place', async (t) => {
  const { server, tools, asked, pass } = await setUp(t, () => text('done'))
  const alice = await tools.of('alice')
  await tools.of('bob')
  await alice.call('work')
  t.equal(server.sessions(), 2, 'each user has a session')
  await tools.of('carol')
  await until(async () => server.sessions() === 2)
  await alice.call('work')
  t.equal(asked('initialize').length, 3, 'bob’s was the least recently used')
  pass(300_000)
  await tools.of('carol')
  await until(async () => server.sessions() === 1)
  t.equal(await alice.call('work'), 'done', 'a tool that a turn has already goes on working')
})

t.test('a session that its server has forgotten is opened anew, and nothing is run twice', async (t) => {
  let calls = 0
  const { server, tools, asked, pass } = await setUp(t, () => text(`call ${++calls}`))
  const alice = await tools.of('alice')
  server.forgetSessions()
  t.equal(await alice.call('work'), 'call 1', 'the call is executed')
  t.same([asked('initialize').length, asked('tools/call').length], [2, 2], 'in a new session')
  server.forgetSessions()
  pass(60_000)
  t.same((await tools.of('alice')).names, ['work'], 'a list opens a new session, too')
  server.answer(({ body }, response) => body?.method === 'tools/call' && response.writeHead(404).end())
  await t.rejects(alice.call('work'), lost, 'but only once')
  t.same(
    [asked('initialize').length, asked('tools/call').length],
    [4, 4],
    'it is repeated once, in another new session',
  )
  t.same(
    tools.logged,
    [
      {
        server: 'one',
        reason: 'its session has expired',
        text: 'tool call lost: the server may or may not have executed it',
      },
    ],
    'only the call that failed twice is logged as lost',
  )
})

t.test('a server that knows no session that it opened is left alone like one that is down', async (t) => {
  const { server, tools, asked } = await setUp(t, () => text('done'))
  server.answer(({ body }, response) => body?.method === 'tools/list' && response.writeHead(404).end())
  for (const turn of [1, 2, 3])
    t.same((await tools.of('alice')).names, [], `turn ${turn} goes without its tools`)
  t.same(
    [asked('initialize').length, asked('tools/list').length],
    [2, 2],
    'one new session is tried, and the later turns ask nothing',
  )
  t.match(tools.logged, [{ server: 'one', reason: 'its session has expired' }], 'the log gives the reason')
})

t.test('a connection that is lost during a call fails it; the next use connects again', async (t) => {
  let calls = 0
  const { server, tools, asked } = await setUp(t, () => text(`call ${++calls}`))
  const alice = await tools.of('alice')
  const losses: [Parameters<typeof server.answer>[0], reason: string][] = [
    [
      (_, response) => {
        response
          .writeHead(200, { 'content-type': 'text/event-stream' })
          .write('event: message\nid: 1\ndata: \n\n')
        setImmediate(() => response.destroy())
      },
      'it closed the stream before its response was complete',
    ],
    [
      (_, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(),
      'it closed the stream before its response was complete',
    ],
    [(_, response) => response.writeHead(500).end('the user said: hello'), 'it answered 500'],
    [(_, response) => response.writeHead(401).end('Bearer eyJ'), 'it answered 401'],
    [
      (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('hello'),
      'its response is invalid',
    ],
  ]
  for (const [i, [answer, reason]] of losses.entries()) {
    server.answer((request, response) => {
      // Only calls are lost.
      server.answer(undefined)
      answer?.(request, response)
    })
    await t.rejects(alice.call('work'), lost, `${i}, ${reason}: the call fails`)
    t.equal(tools.logged[i]?.reason, reason, `${i}, ${reason}: the log gives the reason`)
    t.equal(await alice.call('work'), `call ${i + 1}`, `${i}, ${reason}: the next call is executed`)
  }
  server.answer((_, response) => response.destroy())
  await t.rejects(alice.call('work'), lost, 'a closed connection loses the call, too')
  t.equal(asked('tools/call').length, 2 * losses.length + 1, 'nothing is called a second time by itself')
  t.equal(calls, losses.length, 'the server executed only the calls that were answered')
})

for (const era of ['2025', '2026'] as const) {
  t.test(`a call that hangs is cut by its signal, on a server of MCP ${era} too`, async (t) => {
    let started = () => {}
    const running = new Promise<void>((resolve) => {
      started = resolve
    })
    const { server, tools } = await setUp(
      t,
      () => {
        started()
        return new Promise(() => {})
      },
      { era },
    )
    const alice = await tools.of('alice')
    const abandoned = server.abandoned()
    const aborting = new AbortController()
    const call = alice.call('work', {}, { signal: aborting.signal })
    await running
    const reason = new Error('enough')
    aborting.abort(reason)
    await t.rejects(call, reason, 'the call ends with the reason of its signal')
    await until(async () => server.abandoned() > abandoned)
    await t.rejects(
      alice.call('work', {}, { signal: AbortSignal.abort(reason) }),
      reason,
      'and so does a call whose signal is aborted already',
    )
  })
}

t.test('of an endless answer only so much is read', async (t) => {
  const { server, tools } = await setUp(t, () => text('done'))
  const alice = await tools.of('alice')
  const bound = 4 * 1_024 + 2 ** 20
  const tooLarge = new ToolError(`The tool server failed: its response exceeds ${bound} bytes.`)
  const starts = {
    'application/json': '{"jsonrpc":"2.0","id":5,"result":{"content":[{"type":"text","text":"',
    'text/event-stream': 'event: message\ndata: {"jsonrpc":"2.0","id":5,"result":{"content":"',
  }
  for (const [type, start] of Object.entries(starts)) {
    let written = 0
    server.answer((_, response) => {
      response.writeHead(200, { 'content-type': type }).write(start)
      const more = () => {
        if (response.destroyed) return
        written += 65_536
        response.write('x'.repeat(65_536), more)
      }
      more()
      server.answer(undefined)
    })
    const abandoned = server.abandoned()
    await t.rejects(alice.call('work'), tooLarge, type)
    await until(async () => server.abandoned() > abandoned)
    t.ok(written < 20 * bound, 'and the server is told')
  }
  t.equal(await alice.call('work'), 'done', 'the session goes on')
})

t.test('a redirect is not followed', async (t) => {
  const seen: unknown[] = []
  const elsewhere = createServer(({ headers }, response) => {
    seen.push(headers)
    response.end()
  })
  const location = `${await listen(t, elsewhere)}/`
  const { server, tools } = await setUp(t, () => text('done'))
  server.answer((_, response) => response.writeHead(307, { location }).end())
  t.same((await tools.of('alice')).names, [], 'the turn goes without its tools')
  t.match(
    tools.logged,
    [{ server: 'one', reason: 'it answered with a redirect' }],
    'the log gives the reason',
  )
  t.same(seen, [], 'nothing is sent to the other address')
})

t.test('a server that is down is left alone for ten seconds, and then found again', async (t) => {
  const { server, tools, pass } = await setUp(t, () => text('done'))
  await server.stop()
  t.same((await tools.of('alice')).names, [], 'a turn goes without its tools')
  await server.start()
  pass(9_999)
  t.same((await tools.of('alice')).names, [], 'within ten seconds it is not tried again')
  t.same(server.requests, [], 'nothing is sent to it')
  t.same((await tools.of('bob')).names, ['work'], 'for that user')
  pass(1)
  const alice = await tools.of('alice')
  t.same(alice.names, ['work'], 'after ten seconds its tools are back')
  t.match(
    tools.logged,
    [{ server: 'one', reason: /^connect ECONNREFUSED 127\.0\.0\.1:\d+$/ }],
    'the log gives the reason',
  )
  t.equal(tools.logged.length, 1, 'once')

  await server.stop()
  await t.rejects(alice.call('work'), lost, 'its connection was')
  const unreachable = new ToolError('The tool server cannot be reached.')
  await t.rejects(alice.call('work'), unreachable, 'the next call cannot reach it')
  await t.rejects(alice.call('work'), unreachable, 'nor is it tried')
})

t.test('a server that does not answer takes no more than the bound of a turn', async (t) => {
  const { server, tools } = await setUp(t, () => text('done'), {}, { connectMs: 1_000 })
  server.answer(() => {})
  const enough = new Error('the turn was cancelled')
  const aborting = new AbortController()
  const opening = tools.open('alice', aborting.signal)
  aborting.abort(enough)
  await t.rejects(opening, enough, 'nor more than the turn has')
  t.same((await tools.of('alice')).names, [], 'the turn goes without its tools')
  t.match(tools.logged, [{ server: 'one', reason: 'it took too long to answer' }], 'the log gives the reason')
})

t.test('closing waits only so long for a server', async (t) => {
  const { server, tools } = await setUp(t, () => text('done'))
  await tools.of('alice')
  server.answer(() => {})
  await tools.close()
  t.equal(server.requests.at(-1)?.method, 'DELETE', 'the end of the session was sent')
})

t.test('what a server asks of the client is refused', async (t) => {
  const { server, tools, asked } = await setUp(t, () => text('done'))
  const alice = await tools.of('alice')
  const methods = ['sampling/createMessage', 'elicitation/create', 'roots/list']
  const refusals: unknown[] = []
  let finish = () => {}
  server.answer(({ body, headers }, response) => {
    if (body?.method !== 'tools/call') {
      refusals.push(body?.error?.code)
      response.writeHead(202).end()
      return refusals.length === methods.length ? finish() : undefined
    }
    t.equal(headers['mcp-session-id'] === undefined, false, 'the call belongs to a session')
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const send = (message: object) =>
      response.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`)
    for (const [id, method] of methods.entries()) send({ id: `s${id}`, method, params: {} })
    finish = () => {
      send({ id: body.id, result: text('went on') })
      response.end()
    }
  })
  t.equal(await alice.call('work'), 'went on', 'the call goes on')
  t.same(refusals, [-32601, -32601, -32601], 'each request is answered as an unknown method')
  t.same(asked('initialize')[0]?.body.params.capabilities, {}, 'nor is it offered')
})

t.test('of a server that cannot be asked, nothing is said of what it has', async (t) => {
  const tools = testTools(t, { down: { url: 'http://127.0.0.1:2/', tools: { erase: { disabled: true } } } })
  t.same((await tools.of('alice')).names, [], 'the turn goes without its tools')
  t.same(
    tools.logged.map(({ text }) => text),
    ['tool server unavailable'],
    'only that it is unavailable is logged',
  )
})

t.test('a server that asks the client for a thousand things at once hears ten refusals', async (t) => {
  const { server, tools } = await setUp(t, () => text('done'))
  const alice = await tools.of('alice')
  const refusals: ServerResponse[] = []
  server.answer(async ({ body }, response) => {
    if (body?.method !== 'tools/call') return refusals.push(response)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const send = (message: object) =>
      response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`)
    for (let id = 0; id < 1_000; id += 1) send({ id, method: 'sampling/createMessage', params: {} })
    await until(() => refusals.length >= 10)
    send({ id: body.id, result: text('went on') })
  })
  t.equal(await alice.call('work'), 'went on', 'the call goes on')
  t.equal(refusals.length, 10, 'no more than ten are answered')
  for (const response of refusals) response.writeHead(202).end()
})
