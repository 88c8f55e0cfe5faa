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

t.test('what an assistant chooses of a long list is not lost among the rest', async (t) => {
  const long = (name: string) => ({ name, description: name.repeat(100), inputSchema: { type: 'object' } })
  const tools = ['a', 'b', 'c', 'd', 'e'].map(long)
  const server = await mcpServer(t, { tools, call: () => ({ content: [] }) })
  const registry = testTools(
    t,
    { one: { url: server.url } },
    { maxToolBytes: 300, selections: [['one/e'], ['one/d', 'one/gone']] },
  )
  const names = async (only?: string[]) => {
    const open = await registry.open('alice', new AbortController().signal, undefined, only)
    return open.map(({ name }) => name)
  }
  t.same(await names(), ['a', 'b'], 'of all, as many as have room')
  t.same(await names(['one/e']), ['e'], 'but one that is chosen is there')
  t.same(await names(['one/d', 'one/gone']), ['d'], 'so is one of another choice')
  t.match(
    registry.logged.filter(({ tool }) => tool === 'gone'),
    [{ server: 'one', text: 'an assistant names a tool that its server does not have' }],
    'one that is not there is named in the log',
  )
})
