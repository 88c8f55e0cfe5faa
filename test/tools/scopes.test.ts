import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { type McpServer, mcpServer } from '../helpers/mcp-server.js'
import { testTools } from '../helpers/tools.js'

/** A server whose tool says which server it is, and whom it works for. */
const named = (t: Test, name: string): Promise<McpServer> =>
  mcpServer(t, {
    tools: [{ name, inputSchema: { type: 'object' } }],
    userOf: ({ authorization = '' }) => decodeJwt(authorization.replace('Bearer ', '')).sub,
    call: (_tool, _args, { user }) => ({ content: [{ type: 'text', text: `${name} for ${user}` }] }),
  })

/** One host for both, each at its own path. */
const hostOf = async (t: Test, servers: Record<string, McpServer>): Promise<string> => {
  const host = createServer((incoming, outgoing) => {
    const target = servers[(incoming.url ?? '').slice(1)]
    if (!target) return outgoing.writeHead(404).end()
    const { method, headers } = incoming
    incoming.pipe(
      request(target.url, { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      }).on('error', () => outgoing.destroy()),
    )
  })
  host.listen(0, '127.0.0.1')
  await once(host, 'listening')
  t.teardown(() => {
    host.close()
    host.closeAllConnections()
  })
  return `http://127.0.0.1:${(host.address() as AddressInfo).port}`
}

t.test('two servers on one host with one audience stay two, and users stay apart on both', async (t) => {
  const [one, two] = await Promise.all([named(t, 'one'), named(t, 'two')])
  const host = await hostOf(t, { one, two })
  const tools = testTools(t, {
    one: { url: `${host}/one`, audience: 'todo', headers: { 'x-api-key': 'key-of-one' } },
    two: { url: `${host}/two`, audience: 'todo', headers: { 'x-api-key': 'key-of-two' } },
  })
  for (const user of ['alice', 'bob', 'alice']) {
    const mine = await tools.of(user)
    t.same([mine.names, tools.logged], [['one', 'two'], []], `${user} has the tools of both`)
    t.equal(await mine.call('one'), `one for ${user}`)
    t.equal(await mine.call('two'), `two for ${user}`)
  }
  for (const [server, key] of [
    [one, 'key-of-one'],
    [two, 'key-of-two'],
  ] as const) {
    t.same(
      new Set(server.requests.map(({ headers }) => headers['x-api-key'])),
      new Set([key]),
      'its own key alone',
    )
    const tokens = server.requests.map(({ headers }) =>
      decodeJwt(headers.authorization?.replace('Bearer ', '') ?? ''),
    )
    t.same(new Set(tokens.map(({ aud }) => aud)), new Set(['todo']))
    t.same(new Set(tokens.map(({ sub }) => sub)), new Set(['alice', 'bob']))
    t.equal(new Set(tokens.map(({ jti }) => jti)).size, tokens.length, 'a token for each request')
  }
  t.equal(one.sessions(), 2, 'a session for each user')
  await one.stop()
  t.same((await tools.of('carol')).names, ['two'], 'one that is away takes nothing from the other')
})
