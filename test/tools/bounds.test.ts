import t, { type Test } from 'tap'
// Read ahead, since reading it counts toward the limits.
import '../../src/tools/mcp/client.js'
import type { ToolRegistryOptions } from '../../src/tools/registry.js'
import { maxMinFairShares } from '../../src/tools/tool-selection.js'
import { estimateTools, maxToolBytes } from '../../src/turns/agent/history-window.js'
import { mcpServer, type ToolDeclaration } from '../helpers/mcp-server.js'
import { testTools } from '../helpers/tools.js'

const inputSchema = { type: 'object' }
const MiB = 2 ** 20

const setUp = async (
  t: Test,
  lists: Record<string, ToolDeclaration[]>,
  { pageSize, ...options }: Partial<ToolRegistryOptions> & { pageSize?: number } = {},
) => {
  const call = () => ({ content: [{ type: 'text' as const, text: 'done' }] })
  const entries: [string, object][] = []
  for (const [name, tools] of Object.entries(lists)) {
    const { url } = await mcpServer(t, { tools, call, ...(pageSize && { pageSize }) })
    entries.push([name, { url }])
  }
  return testTools(t, Object.fromEntries(entries), options)
}

const open = (tools: ReturnType<typeof testTools>, maxBytes?: number) =>
  tools.open('alice', new AbortController().signal, maxBytes)

t.test('a description is cut with a note, and its tool stays', async (t) => {
  for (const character of ['x', '"', 'é', '🙂']) {
    const tools = await setUp(t, {
      one: [{ name: 'work', description: character.repeat(50_000), inputSchema }],
    })
    const [tool] = await open(tools)
    t.ok(JSON.stringify(tool?.description).length <= 4_096, `${character}: it is short`)
    t.match(tool?.description, /… \[cut: \d+ of \d+ bytes\]$/, `${character}: it says so`)
    const truncated = { server: 'one', count: 1, tools: ['work'], text: /descriptions truncated/ }
    t.match(tools.logged, [truncated], `${character}: and so does the log`)
  }
})

t.test('all tools of a turn fit together into half of the window, and are the same each time', async (t) => {
  const description = 'x'.repeat(1_000)
  const many = Array.from({ length: 40 }, (_, i) => ({ name: `t${i}`, description, inputSchema }))
  const tools = await setUp(t, { many, few: [{ name: 'small', inputSchema }] })
  for (const historyTokens of [1_000, 4_000, 16_000]) {
    const offered = await open(tools, maxToolBytes({ historyTokens }, 'm'))
    const names = offered.map(({ name }) => name)
    t.ok(estimateTools(offered) <= historyTokens / 2, `${historyTokens}: at most half`)
    t.ok(names.includes('small'), 'a server with few tools keeps them')
    t.same(
      (await open(tools, maxToolBytes({ historyTokens }, 'm'))).map(({ name }) => name),
      names,
      `${historyTokens}: the next turn has the same tools`,
    )
  }
  t.match(
    tools.logged.map(({ server, text }) => [server, text]),
    [['many', /may take half of the model/]],
    'which is said once',
  )
  t.equal(tools.logged.length, 1, 'and of one server')
})

t.test('a window of 0 takes no tools away, and each model has its own', (t) => {
  t.equal(maxToolBytes({ historyTokens: 0 }, 'm'), 24_000, 'a window of 0 leaves room for tools all the same')
  t.equal(
    maxToolBytes({ historyTokens: 0, modelHistoryTokens: { m: 200 } }, 'm'),
    300,
    'the window of the model counts before the common one',
  )
  t.same(maxMinFairShares([10, 100, 50], 90), [10, 40, 40], 'what the small do not need is for the large')
  t.same(maxMinFairShares([10, 20], 90), [10, 20], 'nobody gets more than is asked for')
  t.end()
})

t.test('of a long list so much is read, and the honest server beside it is not touched', async (t) => {
  const description = 'x'.repeat(MiB)
  const long = Array.from({ length: 21 }, (_, i) => ({ name: `t${i}`, description, inputSchema }))
  const honest = [{ name: 'honest', inputSchema }]
  const inPages = await setUp(t, { long, honest }, { pageSize: 1 })
  const offered = await open(inPages)
  t.equal(offered.at(-1)?.name, 'honest', 'the tools of the honest server are offered')
  t.ok(JSON.stringify(offered).length < 100_000, 'no more is kept')
  const whole = await setUp(t, { long, honest })
  for (const turn of [1, 2])
    t.same(
      (await open(whole)).map(({ name }) => name),
      ['honest'],
      `turn ${turn} has the tools of the honest server alone`,
    )
  t.match(
    whole.logged,
    [{ server: 'long', reason: 'its response exceeds 2097152 bytes' }],
    'the log gives the reason',
  )
  t.equal(whole.logged.length, 1, 'which is said once')
})

t.test('a list that never ends is ended', async (t) => {
  const { url, answer, requests } = await mcpServer(t, { tools: [], call: () => ({ content: [] }) })
  let n = 0
  answer(({ body }, response) => {
    if (body?.method !== 'tools/list') return false
    n += 1
    const result = { tools: [{ name: `t${n}`, inputSchema }], nextCursor: `${n}` }
    response.setHeader('content-type', 'application/json')
    return response.end(JSON.stringify({ jsonrpc: '2.0', id: body.id, result }))
  })
  const tools = testTools(t, { one: { url } })
  t.equal((await open(tools)).length, 100, 'the tools of a hundred pages are taken')
  t.equal(
    requests.filter(({ body }) => body?.method === 'tools/list').length,
    100,
    'no further page is asked for',
  )
  t.match(
    tools.logged,
    [{ server: 'one', text: /tool list truncated/ }],
    'the log says that the list was cut',
  )
})

t.test('names that are too long, or listed twice, cost their tools alone', async (t) => {
  const tools = await setUp(t, {
    one: ['n'.repeat(257), 'twice', 'twice', 'work'].map((name) => ({ name, inputSchema })),
  })
  t.same(
    (await open(tools)).map(({ name }) => name),
    ['twice', 'work'],
    'the tools beside them are offered',
  )
  t.same(
    tools.logged.map(({ count, tools }) => [count, tools]),
    [
      [1, ['n'.repeat(64)]],
      [1, ['twice']],
    ],
    'the log names them, cut to a bounded length',
  )
})
