import t, { type Test } from 'tap'
import { createArgumentValidators } from '../../src/tools/argument-validation.js'
import { ToolError } from '../../src/tools/tool.js'
import { mcpServer } from '../helpers/mcp-server.js'
import { testTools } from '../helpers/tools.js'

/** The tools of a server with one named `work`, which has this schema, and an ordinary one. */
const withSchema = async (t: Test, inputSchema: object) => {
  const { url } = await mcpServer(t, {
    tools: [
      { name: 'work', inputSchema },
      { name: 'other', inputSchema: { type: 'object' } },
    ],
    call: () => ({ content: [{ type: 'text', text: 'done' }] }),
  })
  const tools = testTools(t, { one: { url } })
  return { ...(await tools.of('alice')), logged: tools.logged }
}

const fieldsMended = 'tools with missing or wrong fields, which were mended or ignored'
const skipped = (why: string, tool = 'work') => [
  {
    server: 'one',
    count: 1,
    tools: [tool],
    text: `tools skipped because their input schemas ${why}`,
  },
]

t.test('a pattern that takes for ever is given up, and the process goes on', async (t) => {
  const pattern = { type: 'string', pattern: '^(a+)+$' }
  const tools = await withSchema(t, { type: 'object', properties: { text: pattern } })
  const slow = new ToolError('Invalid arguments: validation took too long')
  await t.rejects(tools.call('work', { text: `${'a'.repeat(100)}!` }), slow, 'the call is refused in time')
  t.equal(await tools.call('work', { text: 'aaa' }), 'done', 'a call that fits is made')
})

t.test('a schema that could only be checked asynchronously is none', async (t) => {
  const tools = await withSchema(t, { type: 'object', $async: true, required: ['id'] })
  t.same(tools.names, ['other'], 'its tool is not offered')
  t.same(tools.logged, skipped('are invalid', 'work (inputSchema)'), 'the log gives the reason')
})

t.test('a schema of more than 64 KiB is none', async (t) => {
  for (const length of [65_000, 65_536]) {
    const tools = await withSchema(t, { type: 'object', description: 'x'.repeat(length) })
    const fits = length < 65_536
    t.same(tools.names, fits ? ['work', 'other'] : ['other'], `${length} characters`)
    t.same(tools.logged, fits ? [] : skipped('exceed 65536 bytes'), `${length} characters: the log`)
  }
})

t.test('a schema that is nested too deep costs a turn nothing but its tool', async (t) => {
  const { url, answer } = await mcpServer(t, { tools: [], call: () => ({ content: [] }) })
  // By hand, since the SDK's server cannot write the deepest.
  const listing = (depth: number, isText: boolean, id: unknown) => {
    const written = `{"type":"object","examples":${'['.repeat(depth)}${']'.repeat(depth)}}`
    const schema = isText ? JSON.stringify(written) : written
    const tools = `[{"name":"work","inputSchema":${schema}},{"name":"other","inputSchema":{"type":"object"}}]`
    return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"tools":${tools}}}`
  }
  const rows: [depth: number, isText: boolean][] = [
    ...[90, 110, 20_000].map((depth): [number, boolean] => [depth, false]),
    ...[90, 110, 4_000, 5_500, 20_000].map((depth): [number, boolean] => [depth, true]),
  ]
  const mended = { ...skipped('', 'work (inputSchema)')[0], text: fieldsMended }
  for (const [depth, isText] of rows) {
    const what = `${depth} levels${isText ? ' in a text' : ''}`
    answer(({ body }, response) => {
      if (body?.method !== 'tools/list') return false
      return response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(listing(depth, isText, body.id))
    })
    const tools = testTools(t, { one: { url } })
    t.same((await tools.of('alice')).names, depth < 100 ? ['work', 'other'] : ['other'], what)
    const expected = isText ? [mended] : []
    t.same(tools.logged, depth < 100 ? expected : skipped('are nested too deep'), `${what}: the log`)
  }
})

t.test('a schema that took too long to compile is tried again after ten minutes', async (t) => {
  const limits = { compileMs: 1 }
  let minutes = 0
  const validatorOf = createArgumentValidators(limits, () => minutes * 60_000)
  const property = (_: unknown, n: number) => [`p${n}`, { type: 'string', pattern: `^[a-z]{${n}}$` }]
  const schema = { type: 'object', properties: Object.fromEntries(Array.from({ length: 300 }, property)) }
  t.equal(validatorOf(schema), undefined, 'no validator in a millisecond')
  limits.compileMs = 60_000
  minutes = 9
  t.equal(validatorOf(schema), undefined, 'and it is not tried again within nine minutes')
  minutes = 11
  t.type(validatorOf(schema), 'function', 'on a machine that has time again it compiles')
})
