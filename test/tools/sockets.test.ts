import { createServer, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
// Read ahead, since reading it counts toward the limits.
import '../../src/tools/mcp/client.js'
import type { Json } from '../helpers/app.js'
import { listen } from '../helpers/listen.js'
import { until } from '../helpers/models.js'
import { testTools } from '../helpers/tools.js'

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

const results: Record<string, object> = {
  initialize: {
    protocolVersion: '2025-06-18',
    capabilities: { tools: {} },
    serverInfo: { name: 'x', version: '1' },
  },
  'tools/list': { tools: [{ name: 'work', inputSchema: { type: 'object' } }] },
  'tools/call': { content: [{ type: 'text', text: 'done' }] },
}

type Stall = (response: ServerResponse) => void

const json = { 'content-type': 'application/json', 'mcp-session-id': 'one' }
const stalls: Record<string, Stall> = {
  'says nothing': () => {},
  'has sent headers': (response) => response.writeHead(200, json).flushHeaders(),
  'has sent half a body': (response) => response.writeHead(200, json).write('{"jsonrpc":"2.0",'),
  'has sent half a body of a length': (response) =>
    response.writeHead(200, { ...json, 'content-length': 1_000 }).write('{"jsonrpc":'),
  'sends a stream without its answer': (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const send = setInterval(() => response.write(': still here\n\n'), 20)
    response.on('close', () => clearInterval(send))
  },
  'has sent half of an error': (response) => response.writeHead(500).write('half'),
  'has sent half of an acceptance': (response) => response.writeHead(202).write('half'),
  'redirects without an end': (response) => response.writeHead(307, { location: '/' }).write('half'),
}

/** A server that stalls at a method, and counts the sockets that are open. */
const stallingServer = async (t: Test) => {
  const sockets = new Set<Socket>()
  const state: { at: string; stall: Stall; stalled: number } = { at: '', stall: () => {}, stalled: 0 }
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const { id, method = request.method }: Json = text === '' ? {} : JSON.parse(text)
    if (method === state.at) {
      state.stalled += 1
      return state.stall(response)
    }
    const result = results[method]
    if (!result) return response.writeHead(id === undefined ? 202 : 400).end()
    return response.writeHead(200, json).end(JSON.stringify({ jsonrpc: '2.0', id, result }))
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.keepAliveTimeout = 600_000
  return { url: `${await listen(t, server)}/`, sockets, state }
}

const headers = { authorization: 'x' }
// They wait for their limits at the same time.
t.jobs = 4

for (const [how, stall] of Object.entries(stalls)) {
  t.test(`requests to a server that ${how} end at their limit`, { buffered: true }, async (t) => {
    for (const at of ['initialize', 'tools/list']) {
      const { url, sockets, state } = await stallingServer(t)
      const tools = testTools(t, { one: { url, headers } }, { connectMs: 2_500 })
      Object.assign(state, { at, stall })
      const opening = tools.of('alice')
      await until(() => state.stalled > 0)
      collectGarbage()
      await opening
      await tools.close()
      await until(() => sockets.size === 0)
      t.ok(state.stalled > 0, at)
    }
  })
}

for (const [how, stall] of Object.entries(stalls)) {
  t.test(`a call of a server that ${how} ends with its signal, or with close()`, async (t) => {
    const { url, sockets, state } = await stallingServer(t)
    const tools = testTools(t, { one: { url, headers } })
    const alice = await tools.of('alice')
    const idle = sockets.size
    Object.assign(state, { at: 'tools/call', stall })
    for (const end of ['abort', 'close']) {
      state.stalled = 0
      const aborting = new AbortController()
      const call = alice.call('work', {}, { signal: aborting.signal })
      call.catch(() => {})
      await until(() => state.stalled > 0)
      collectGarbage()
      if (end === 'abort') aborting.abort(new Error('enough'))
      else await tools.close()
      await t.rejects(call, Error, `${end}: the call fails`)
      await until(() => sockets.size <= (end === 'abort' ? idle : 0))
    }
  })
}

t.test('a goodbye that is not answered ends, and so do idle sockets', async (t) => {
  for (const stall of [stalls['says nothing'], stalls['has sent half a body']]) {
    const { url, sockets, state } = await stallingServer(t)
    const tools = testTools(t, { one: { url, headers } })
    await tools.of('alice')
    Object.assign(state, { at: 'DELETE', stall })
    const closing = tools.close()
    await until(() => state.stalled > 0)
    collectGarbage()
    await closing
    await until(() => sockets.size === 0)
    t.equal(state.stalled, 1, 'it was told')
  }
})
