import t from 'tap'
import { mcpServer } from '../helpers/mcp-server.js'
import { testTools } from '../helpers/tools.js'

const named = (...names: string[]) => names.map((name) => ({ name, inputSchema: { type: 'object' } }))

t.test('a turn may be given some of the servers’ tools only', async (t) => {
  const call = (name: string) => ({ content: [{ type: 'text' as const, text: name }] })
  const one = await mcpServer(t, { tools: named('read', 'write', 'drop'), call })
  const two = await mcpServer(t, { tools: named('read', 'search'), call })
  const registry = testTools(t, {
    one: { url: one.url, tools: { drop: { disabled: true } } },
    two: { url: two.url },
    'one-more': { url: 'http://127.0.0.1:1' },
  })
  const names = async (only?: string[]) => {
    const { signal } = new AbortController()
    const tools = await registry.open('alice', signal, undefined, only)
    return Promise.all(
      tools.map(async (tool) => [tool.name, await tool.call({}, { key: 'k', signal })].join(' calls ')),
    )
  }
  t.same(await names([]), [], 'none of them')
  t.same(one.requests.length + two.requests.length, 0, 'for which no server is asked')
  t.same(await names(['two']), ['read calls read', 'search calls search'], 'those of a server')
  t.equal(one.requests.length, 0, 'and the other is not asked')
  t.same(await names(['one/read', 'two/search']), ['read calls read', 'search calls search'], 'single ones')
  t.same(await names(['one']), ['read calls read', 'write calls write'], 'none that is disabled')
  t.same(await names(['one/drop', 'two/write', 'one/', 'read']), [], 'nor one that is not there')
  t.same(registry.logged, [], 'a server that is not among them is not missed')
  t.equal((await names()).length, 4, 'and without a choice all')
})
