import t, { type Test } from 'tap'
import { ToolError } from '../../src/tools/tool.js'
import { type McpServerOptions, mcpServer, type ToolDeclaration } from '../helpers/mcp-server.js'
import { testTools } from '../helpers/tools.js'

const empty = { type: 'object' }
const echo: McpServerOptions['call'] = (name, args) => ({
  content: [{ type: 'text', text: `${name} ${JSON.stringify(args)}` }],
})
const named = (...names: string[]): ToolDeclaration[] => names.map((name) => ({ name, inputSchema: empty }))

/** The tools of one user, from servers named one, two … that list these. */
const offered = async (t: Test, lists: ToolDeclaration[][], pageSize?: number) => {
  const entries = []
  for (const [i, tools] of lists.entries()) {
    const { url } = await mcpServer(t, { tools, call: echo, ...(pageSize && { pageSize }) })
    entries.push([['one', 'two', 'three'][i], { url }])
  }
  const tools = testTools(t, Object.fromEntries(entries))
  return { ...(await tools.of('alice')), logged: tools.logged, of: tools.of }
}

t.test('names are made fit for models, and unique', async (t) => {
  const long = 'x'.repeat(70)
  const tools = await offered(t, [
    named('files.read', 'files/read', 'add', long),
    named('add', 'one_add'),
    named('add', 'two_add', 'one_files_read'),
  ])
  t.same(
    tools.names,
    [
      'files_read',
      'one_files_read',
      'add',
      'x'.repeat(64),
      'two_add',
      'one_add',
      'three_add',
      'three_two_add',
      'three_one_files_read',
    ],
    'a name that is taken gets the name of its server in front',
  )
  t.equal(await tools.call('one_files_read'), 'files/read {}', 'the server hears its own')
  t.equal(await tools.call('three_add'), 'add {}', 'also of a tool with the name of its server in front')
})

t.test('tools whose names differ in characters that no provider takes are all offered', async (t) => {
  const long = 'a'.repeat(70)
  const all = ['列出任务', '删除任务', '查找任务', `${long}1`, `${long}2`, `${long}3`]
  const { names } = await offered(t, [named(...all)])
  t.equal(new Set(names).size, all.length, 'each has a name of its own')
  for (const name of names) t.match(name, /^[A-Za-z0-9_-]{1,64}$/, `every provider takes ${name}`)
  t.same((await offered(t, [named(...all)])).names, names, 'the same ones each time')
})

t.test('a tool whose names are both taken is left out, and so are those past a bound', async (t) => {
  const many = Array.from({ length: 130 }, (_, i) => `t${i}`)
  const tools = await offered(t, [named('a', 'one_a'), named('a', 'a', 'two_a', ...many)], 40)
  t.same(
    tools.names.slice(0, 5),
    ['a', 'one_a', 'two_a', 'two_two_a', 't0'],
    'a name that is listed twice is offered once',
  )
  t.equal(tools.names.length, 128, 'the bound is used and kept')
  const expected = [
    { server: 'two', count: 1, tools: ['a'], text: 'tools skipped because their names are taken' },
    {
      server: 'two',
      count: 6,
      tools: [...many.slice(126), 't124', 't125'],
      text: 'tools skipped because a turn offers at most 128 tools',
    },
  ]
  t.same(tools.logged, expected, 'the log names what is left out, and why')
  await tools.of('alice')
  t.same(tools.logged, expected, 'which is said once')
})

t.test('arguments that do not fit the schema are not sent', async (t) => {
  const properties = {
    id: { type: 'integer', minimum: 1 },
    at: { type: 'string', format: 'date-time' },
    colour: { enum: ['red', 'blue'] },
  }
  const schema = { type: 'object', properties, required: ['id'], additionalProperties: false }
  const tools = await offered(t, [[{ name: 'work', inputSchema: schema }]])
  t.equal(await tools.call('work', { id: 1, at: 'soon' }), 'work {"id":1,"at":"soon"}', 'formats are notes')
  const faults: [object, string][] = [
    [{}, "/ must have required property 'id'"],
    [{ id: 0 }, '/id must be >= 1'],
    [{ id: '1' }, '/id must be integer'],
    [{ id: 1, colour: 'green' }, '/colour must be equal to one of the allowed values (red, blue)'],
    [{ id: 1, user_id: 'bob' }, '/ must NOT have additional properties (user_id)'],
    [
      { id: 0, colour: 1 },
      '/id must be >= 1; /colour must be equal to one of the allowed values (red, blue)',
    ],
  ]
  for (const [args, fault] of faults) {
    const error = new ToolError(`Invalid arguments: ${fault}`)
    await t.rejects(tools.call('work', args), error, JSON.stringify(args))
  }
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`x${i}`, 'y'.repeat(500)]))
  const error = await tools.call('work', { id: 1, ...many }).catch((error: Error) => error.message)
  t.equal(String(error).split(';').length, 5, 'at most five faults are told')
})

t.test('schemas are read as what they say they are', async (t) => {
  const pair = (keyword: object) => ({
    type: 'object',
    properties: { pair: { type: 'array', ...keyword } },
    $id: 'https://tools.example/pair',
  })
  const draft07 = { $schema: 'http://json-schema.org/draft-07/schema#' }
  const types = [{ type: 'string' }, { type: 'integer' }]
  const tools = await offered(t, [
    [
      { name: 'newest', inputSchema: pair({ prefixItems: types, items: false }) },
      { name: 'draft07', inputSchema: { ...draft07, ...pair({ items: types, additionalItems: false }) } },
      { name: 'no_schema', inputSchema: { type: 'object', properties: { id: { type: 'number?' } } } },
      {
        name: 'no_draft',
        inputSchema: {
          $schema: 'http://json-schema.org/draft-04/schema#',
          type: 'object',
          properties: { id: { type: 'integer' } },
        },
      },
      { name: 'elsewhere', inputSchema: { type: 'object', $ref: 'https://tools.example/other' } },
    ],
  ])
  t.same(tools.names, ['newest', 'draft07', 'no_draft'], 'only tools whose schemas are valid are offered')
  t.type(await tools.call('no_draft', { id: 'a' }), 'string', 'a draft that we do not know is not checked')
  for (const name of ['newest', 'draft07']) {
    t.type(await tools.call(name, { pair: ['a', 1] }), 'string', `${name}: a fitting pair is sent`)
    await t.rejects(
      tools.call(name, { pair: ['a', 'b'] }),
      /Invalid arguments: \/pair\/1 must be integer$/,
      `${name}: the type of each place counts`,
    )
    await t.rejects(
      tools.call(name, { pair: ['a', 1, 2] }),
      /Invalid arguments: \/pair must NOT have more/,
      `${name}: there is no third place`,
    )
  }
  t.same(
    tools.logged,
    [
      {
        server: 'one',
        count: 1,
        tools: ['no_draft (inputSchema.$schema)'],
        text: 'tools offered without a check of their arguments, which their schemas do not allow',
      },
      {
        server: 'one',
        count: 2,
        tools: ['no_schema (inputSchema.properties.id.type)', 'elsewhere (inputSchema)'],
        text: 'tools skipped because their input schemas are invalid',
      },
    ],
    'the log names the others',
  )
})
