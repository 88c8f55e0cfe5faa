import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { ToolError } from '../../src/tools/tool.js'
import { listen } from '../helpers/listen.js'
import { mcpServer } from '../helpers/mcp-server.js'
import { type Answers, answerTo } from '../helpers/scripted-answers.js'
import { scriptedServer, wires } from '../helpers/scripted-server.js'
import { testTools } from '../helpers/tools.js'

const plain = { type: 'object', properties: { id: { type: 'integer' } } }
const done = { result: { content: [{ type: 'text', text: 'done' }] } }

/** The tools of a server that is written by hand. */
const toolsOf = async (t: Test, wire: (typeof wires)[number], answers: Answers) => {
  const tools = testTools(t, { odd: await scriptedServer(t, wire, { 'tools/call': done, ...answers }) })
  return { ...(await tools.of('alice')), logged: tools.logged }
}

const mended = 'tools with missing or wrong fields, which were mended or ignored'
const skipped = 'tools skipped because their input schemas are invalid'
const unnamed = 'tools skipped because they are not objects with a name'

/** What the log says about tools, by its text. */
const told = (logged: { text: string; tools?: string[] }[]) =>
  Object.fromEntries(logged.map(({ text, tools }) => [text, tools]))

const nothing = null

t.test(
  'an odd tool of a list leaves the others alone, is mended where that is clear, and is named',
  async (t) => {
    const odd: [tool: unknown, name: string | undefined, text?: string, label?: string][] = [
      [{ name: 'a', inputSchema: {} }, 'a', mended, 'a (inputSchema.type)'],
      [{ name: 'b', inputSchema: nothing }, 'b', mended, 'b (inputSchema)'],
      [{ name: 'c' }, 'c', mended, 'c (inputSchema)'],
      [{ name: 'd', inputSchema: [] }, 'd', mended, 'd (inputSchema)'],
      [{ name: 'e', inputSchema: { properties: [] } }, 'e', mended, 'e (inputSchema.type)'],
      [
        { name: 'f', inputSchema: { ...plain, type: nothing, required: nothing } },
        'f',
        mended,
        'f (inputSchema.type)',
      ],
      [
        { name: 'g', inputSchema: { ...plain, type: ['object', 'null'] } },
        'g',
        mended,
        'g (inputSchema.type)',
      ],
      [{ name: 'h', inputSchema: 'object' }, undefined, skipped, 'h (inputSchema)'],
      [{ name: 'h1', inputSchema: true }, 'h1', mended, 'h1 (inputSchema)'],
      [{ name: 'h2', inputSchema: false }, undefined, skipped, 'h2 (inputSchema)'],
      [{ name: 'h3', inputSchema: JSON.stringify(plain) }, 'h3', mended, 'h3 (inputSchema)'],
      [{ name: 'h4', input_schema: plain }, 'h4', mended, 'h4 (inputSchema)'],
      [{ name: 'h5', parameters: JSON.stringify(plain) }, 'h5', mended, 'h5 (inputSchema)'],
      [{ name: 'i', inputSchema: { type: 'string' } }, undefined, skipped, 'i (inputSchema.type)'],
      [
        { name: 'j', inputSchema: { ...plain, properties: 'id' } },
        undefined,
        skipped,
        'j (inputSchema.properties)',
      ],
      [
        { name: 'k', inputSchema: { ...plain, required: 'id' } },
        undefined,
        skipped,
        'k (inputSchema.required)',
      ],
      [
        { name: 'l', inputSchema: { ...plain, properties: { id: { minimum: 'one' } } } },
        undefined,
        skipped,
        'l (inputSchema.properties.id.minimum)',
      ],
      [
        {
          name: 'm',
          inputSchema: plain,
          description: nothing,
          title: nothing,
          annotations: nothing,
          _meta: nothing,
        },
        'm',
      ],
      [{ name: 'n', inputSchema: plain, outputSchema: nothing, icons: nothing, execution: nothing }, 'n'],
      [{ name: 'o', inputSchema: plain, annotations: { title: nothing, readOnlyHint: nothing } }, 'o'],
      [{ name: 'p', inputSchema: plain, outputSchema: { type: 'array' } }, 'p', mended, 'p (outputSchema)'],
      [{ name: 'q', inputSchema: plain, outputSchema: 'text', icons: 'x' }, 'q', mended, 'q (outputSchema)'],
      [
        { name: 'r', inputSchema: plain, description: 5, annotations: [] },
        'r',
        mended,
        'r (description, annotations)',
      ],
      [{ name: '', inputSchema: plain }, undefined, unnamed, 'number 24'],
      [{ name: nothing, inputSchema: plain }, undefined, unnamed, 'number 25'],
      [{ name: 's', inputSchema: { type: 'object', properties: nothing } }, 's'],
      [nothing, undefined, unnamed, 'number 27'],
      ['tool', undefined, unnamed, 'number 28'],
    ]
    const list = {
      tools: [...odd.map(([tool]) => tool), { name: 'other', inputSchema: plain }],
      nextCursor: nothing,
      _meta: nothing,
    }
    const labels = (wanted: string) =>
      odd.flatMap(([, , text, label]) => (text === wanted ? [label] : [])).slice(0, 10)
    const expected = { [mended]: labels(mended), [skipped]: labels(skipped), [unnamed]: labels(unnamed) }
    for (const wire of wires) {
      const tools = await toolsOf(t, wire, { 'tools/list': { result: list } })
      t.same(tools.names, [...odd.flatMap(([, name]) => name ?? []), 'other'], `${wire}: the tools of a turn`)
      t.same(told(tools.logged), expected, `${wire}: what the log says`)
      for (const name of tools.names) {
        const { type, properties } = tools.get(name).inputSchema
        t.equal(type, 'object', `${wire}: the arguments of ${name} are an object`)
        t.type(properties, 'object', `${wire}: the arguments of ${name} have properties`)
        t.equal(await tools.call(name, {}), 'done', `${wire}: ${name} can be called`)
      }
    }
  },
)

t.test('null is absent in what a server says about itself and its lists, on every wire', async (t) => {
  const tools = [{ name: 'work', inputSchema: plain }]
  const list = { 'tools/list': { result: { tools } } }
  const hello = {
    protocolVersion: '2025-03-26',
    capabilities: { tools: {} },
    serverInfo: { name: 'x', version: '1' },
  }
  const rows: [what: string, answers: Answers, names: string[]][] = [
    ['error: null beside a result', { 'tools/list': { result: { tools }, error: nothing } }, ['work']],
    ['a member of its own', { 'tools/list': { result: { tools }, took_ms: 5 } }, ['work']],
    ['an id as a text', { 'tools/list': { result: { tools }, id: '1' } }, ['work']],
    ['no tools', { 'tools/list': { result: { tools: nothing } } }, []],
    ['an empty cursor', { 'tools/list': { result: { tools, nextCursor: '' } } }, ['work']],
    [
      'instructions and titles',
      {
        ...list,
        initialize: {
          result: {
            ...hello,
            instructions: nothing,
            _meta: nothing,
            serverInfo: { name: 'x', version: nothing, title: nothing, icons: nothing },
          },
        },
      },
      ['work'],
    ],
    ['no server info', { ...list, initialize: { result: { ...hello, serverInfo: nothing } } }, ['work']],
    [
      'capabilities of null',
      {
        ...list,
        initialize: {
          result: {
            ...hello,
            capabilities: { tools: { listChanged: nothing }, prompts: nothing, logging: nothing },
          },
        },
      },
      ['work'],
    ],
    ['no capabilities', { ...list, initialize: { result: { ...hello, capabilities: nothing } } }, ['work']],
    ['no tools at all', { initialize: { result: { ...hello, capabilities: { tools: nothing } } } }, []],
  ]
  for (const wire of wires) {
    for (const [what, answers, names] of rows) {
      if (what === 'an id as a text' && wire !== 'stdio') continue
      const { names: offered, logged } = await toolsOf(t, wire, answers)
      t.same(offered, names, `${what} (${wire})`)
      t.same(logged, [], `${what} (${wire}): nothing is logged`)
    }
  }
})

t.test('a schema of another dialect is read, or its arguments are not checked', async (t) => {
  const unchecked = 'tools offered without a check of their arguments, which their schemas do not allow'
  const of = (property: object, more: object = {}) => ({
    type: 'object',
    properties: { a: property },
    ...more,
  })
  const rows: [schema: object, fits: unknown[], unfit: unknown[], field?: string][] = [
    [of({ type: 'string', pattern: '^[\\w-.]+$' }), ['a-b', 5], [], 'inputSchema'],
    [of({ type: 'string', pattern: '^\\-\\_$' }), ['a-b', 5], [], 'inputSchema'],
    [of({ patternProperties: { '[\\w-.]': {} } }), [{}, 5], [], 'inputSchema'],
    [of({ type: 'string' }, { $schema: 'https://example.com/our-own' }), ['a', 5], [], 'inputSchema.$schema'],
    [of({ type: 'string' }, { $schema: 5 }), ['a', 5], [], 'inputSchema.$schema'],
    [of({ type: 'string' }, { $schema: nothing }), ['a'], [5]],
    [of({ type: 'string' }, { $schema: 'https://json-schema.org/draft/2019-09/schema' }), ['a'], [5]],
    [of({ nullable: true }), [null, 5], []],
    [of({ type: 'string', nullable: true }), [null, 'a'], [5]],
    [of({ type: 'string', enum: ['a'], nullable: true }), [null, 'a'], ['b']],
    [of({ $ref: '#/$defs/x', nullable: true }, { $defs: { x: { type: 'integer' } } }), [null, 5], ['b']],
    [of({ type: 'integer', minimum: 1, exclusiveMinimum: true }), [2], [1]],
    [of({ type: 'integer', maximum: 1, exclusiveMaximum: false }), [1], [2]],
    [of({ type: 'integer', required: true }), [5], [undefined]],
    [of({ type: 'any' }), [5, 'a'], []],
    [of({ type: 'STRING' }), ['a'], [5]],
    [of({ id: 'http://example.com/a', type: 'string' }), ['a'], [5]],
    [of({ type: 'array', items: [{ type: 'string' }], additionalItems: false }), [['a']], [['a', 'b'], [5]]],
    [of({ type: 'string', description: null, enum: null, default: null, items: null }), ['a'], [5]],
    [of({ type: 'string', examples: 'b', description: 5 }), ['a'], [5]],
    [of({ enum: ['a', null] }), ['a', null], [5]],
    [of({ type: 'object', properties: [], required: [] }), [{}], [5]],
    [of({ type: ['STRING', 'null', 'string'] }), ['a', null], [5]],
    [of({ type: [] }), [5], []],
    [of({ type: 'int', minimum: '1' }), [1], [0, 'a']],
    [of({ type: 'dict' }), [{}], [5]],
    [of({ type: 'string', enum: [], format: 5 }), ['a'], [5]],
    [of({ oneOf: [] }), [5], []],
    [of({ type: 'string' }, { required: ['a', 'a', null] }), ['a'], [undefined]],
    [of({ type: 'string' }, { required: {}, $schema: '' }), ['a'], [5]],
    [of({ $ref: '#' }), [{}, { a: {} }], [5]],
    [of({ type: ['array', 'null'] }), [[5], null], [5]],
    [of({ type: 'array', items: [{ type: 'string' }, {}] }), [['a', 1, 1]], [[5]]],
    [of({ type: 'array', items: [] }), [['a', 5]], [5]],
  ]
  const wrongFields: [row: number, ...fields: string[]][] = [
    [14, 'properties.a.type'],
    [15, 'properties.a.type'],
    [19, 'properties.a.examples', 'properties.a.description'],
    [22, 'properties.a.type'],
    [23, 'properties.a.type'],
    [24, 'properties.a.type', 'properties.a.minimum'],
    [25, 'properties.a.type'],
    [26, 'properties.a.format', 'properties.a.enum'],
    [27, 'properties.a.oneOf'],
    [28, 'required'],
  ]
  const wrong = wrongFields.map(([row, ...fields]) =>
    `t${row} (${fields.map((field) => `inputSchema.${field}`).join(', ')})`.slice(0, 64),
  )
  const list = rows.map(([inputSchema], i) => ({ name: `t${i}`, inputSchema }))
  for (const wire of wires) {
    const tools = await toolsOf(t, wire, { 'tools/list': { result: { tools: list } } })
    t.equal(tools.names.length, rows.length, `${wire}: all tools are offered`)
    for (const name of tools.names) {
      const { a } = tools.get(name).inputSchema.properties as Record<string, Record<string, unknown>>
      const isArray = [a?.type].flat().includes('array')
      t.equal(a?.items !== undefined, isArray, `${wire}: an array has items, ${JSON.stringify(a)}`)
    }
    const labels = rows.flatMap(([, , , field], i) => (field ? [`t${i} (${field})`] : []))
    t.same(told(tools.logged)[unchecked]?.sort(), labels.sort(), `${wire}: what the log says`)
    t.same(told(tools.logged)[mended], wrong, `${wire}: also of what is deep in a schema`)
    for (const [i, [schema, fits, unfit]] of rows.entries()) {
      const what = `${wire}: ${JSON.stringify(schema)}`
      for (const a of fits) t.equal(await tools.call(`t${i}`, { a }), 'done', `${what}: ${JSON.stringify(a)}`)
      for (const a of unfit) {
        const refused = tools.call(`t${i}`, a === undefined ? {} : { a })
        await t.rejects(refused, /Invalid arguments/, `${what}: not ${JSON.stringify(a)}`)
      }
    }
  }
})

t.test('a result is read block by block', async (t) => {
  const text = { type: 'text', text: 'see' }
  const rows: [result: unknown, data: unknown][] = [
    [{ content: [text], structuredContent: nothing, isError: nothing, _meta: nothing }, 'see'],
    [{ content: [{ ...text, annotations: nothing, _meta: nothing }] }, 'see'],
    [{ content: [{ ...text, annotations: { audience: 'all', priority: 7 } }] }, 'see'],
    [{ content: [text], structuredContent: {} }, 'see'],
    [{ content: [text], structuredContent: [] }, 'see'],
    [{ content: [text], structuredContent: { a: nothing } }, { a: null }],
    [{ content: nothing, structuredContent: { a: 1 } }, { a: 1 }],
    [{ content: [], structuredContent: {} }, {}],
    [{ content: nothing }, ''],
    [{}, ''],
    [nothing, ''],
    [{ content: [text, { type: 'chart', rows: [1] }] }, 'see\n[chart, left out]'],
    [{ content: [text, nothing, 'more'] }, 'see\nmore'],
    [{ content: [{ type: 'text', text: nothing }, text] }, 'see'],
    [{ content: [text, { type: 'image', data: '!', mimeType: nothing }] }, 'see\n[data, 0 bytes, left out]'],
    [{ content: [text, { type: 'image', url: 'x', mimeType: 'image/png' }] }, 'see\n[image/png, left out]'],
    [{ content: [{ type: 'resource_link', uri: 'file:///a', name: nothing, size: nothing }] }, 'file:///a'],
    [{ content: [{ type: 'resource', resource: { uri: 'file:///a', text: 'in', blob: nothing } }] }, 'in'],
    [{ content: [{ type: 'resource', resource: { uri: 'file:///a', text: nothing } }] }, 'file:///a'],
    [{ content: text }, 'see'],
    [{ content: 'see' }, 'see'],
    ['see', 'see'],
    [{ toolResult: 'see' }, 'see'],
    [
      { message: 'see', rows: [1] },
      { message: 'see', rows: [1] },
    ],
    [{ content: [{ type: 'text', text: { a: 1 } }] }, '{"a":1}'],
    [{ content: [{ type: 'audio', mimeType: nothing }] }, '[data, left out]'],
  ]
  const failures: [rest: Record<string, unknown>, message: string][] = [
    [{ result: { content: [text, { type: 'chart' }], isError: true } }, 'see\n[chart, left out]'],
    [{ result: { content: nothing, isError: true } }, 'The tool failed and did not say why.'],
    [{ result: { content: [text], isError: 'true' } }, 'see'],
    [{ result: { content: [], isError: true, structuredContent: { error: 'No.' } } }, '{"error":"No."}'],
    [{ result: nothing, error: { code: -32_000, message: 'No.' } }, 'No.'],
    [{ error: { code: 'E_NO', message: 'No.' } }, 'No.'],
    [{ error: 'No.' }, 'No.'],
  ]
  const responses = [...rows.map(([result]) => ({ result })), ...failures.map(([rest]) => rest)]
  const list = responses.map((_, i) => ({ name: `t${i}`, inputSchema: plain }))
  const calls = Object.fromEntries(responses.map((response, i) => [`tools/call t${i}`, response]))
  for (const wire of wires) {
    const tools = await toolsOf(t, wire, { 'tools/list': { result: { tools: list } }, ...calls })
    for (const [i, [result, data]] of rows.entries()) {
      t.same(await tools.call(`t${i}`), data, `${JSON.stringify(result)} (${wire})`)
    }
    for (const [i, [rest, message]] of failures.entries()) {
      const failed = tools.call(`t${rows.length + i}`)
      await t.rejects(failed, new ToolError(message), `${JSON.stringify(rest)} (${wire})`)
    }
  }
})

t.test('what a server sends over HTTP in another way is read', async (t) => {
  const events = { 'content-type': 'text/event-stream' }
  const as = (type?: string) => (type === undefined ? {} : { 'content-type': type })
  const json = as('application/json')
  const refusal = (id: unknown) => ({ jsonrpc: '2.0', id, error: { code: -32_602, message: 'No.' } })
  type Message = { id: number; method: string; params?: { cursor?: string } }
  type Sent = [headers: object, body: string, status?: number]
  const isCall = ({ method }: Message) => method === 'tools/call'
  const page = ({ id, params }: Message, next: unknown): Sent => {
    const tools = [{ name: `work${params?.cursor ?? ''}`, inputSchema: plain }]
    return [json, JSON.stringify({ jsonrpc: '2.0', id, result: { tools, nextCursor: next } })]
  }
  const rows: [
    what: string,
    send: (answer: string, message: Message) => Sent,
    outcome?: string,
    names?: string[],
  ][] = [
    ['a last event without its blank line', (answer) => [events, `data: ${answer}`]],
    ['events of another name', (answer) => [events, `event: response\ndata: ${answer}\n\n`]],
    [
      'events that are no messages',
      (answer) => [
        events,
        `event: ping\ndata: {}\n\ndata:\n\nevent: endpoint\ndata: /x\n\ndata: ${answer}\n\n`,
      ],
    ],
    ['no version of JSON-RPC', (answer) => [json, answer.replace('"jsonrpc":"2.0",', '')]],
    ['another version of JSON-RPC', (answer) => [json, answer.replace('"2.0"', '2')]],
    ['no type', (answer) => [as(), answer]],
    ['another type of JSON', (answer) => [as('application/json-rpc; charset=utf-8'), answer]],
    ['a type of its own', (answer) => [as('application/vnd.x+json'), answer]],
    ['the type of a text', (answer) => [as('text/plain'), answer]],
    [
      'an error without its id',
      (answer, message) => [json, isCall(message) ? JSON.stringify(refusal(null)) : answer],
      'No.',
    ],
    [
      'an error with a status',
      (answer, message) =>
        isCall(message) ? [json, JSON.stringify(refusal(message.id)), 400] : [json, answer],
      'No.',
    ],
    [
      'the end of a session',
      (answer, message) => (isCall(message) ? [json, JSON.stringify(refusal(null)), 400] : [json, answer]),
      'The tool server failed; it is not known whether the call was executed.',
    ],
    [
      'cursors in a circle',
      (answer, message) =>
        message.method === 'tools/list'
          ? page(message, message.params?.cursor === 'a' ? 'b' : 'a')
          : [json, answer],
      undefined,
      ['work', 'worka', 'workb'],
    ],
  ]
  for (const [what, send, outcome, names = ['work']] of rows) {
    const answers: Answers = {
      'tools/list': { result: { tools: [{ name: 'work', inputSchema: plain }] } },
      'tools/call': done,
    }
    const server = createServer(async (request, response) => {
      const message = JSON.parse((await text(request)) || '{"method":""}')
      const answer = answerTo(answers, message)
      if (answer === undefined) return response.writeHead(202).end()
      const [headers, body, status = 200] = send(answer, message)
      return response.writeHead(status, { ...headers }).end(body)
    })
    const tools = await testTools(t, { odd: { url: await listen(t, server) } }).of('alice')
    t.same(tools.names, names, `${what}: the tools`)
    const called = await tools.call('work').catch((error: ToolError) => error.message)
    t.equal(called, outcome ?? 'done', `${what}: a call`)
  }
})

t.test('a server of MCP 2026 may be as odd', async (t) => {
  const { url, answer } = await mcpServer(t, { tools: [], call: () => ({ content: [] }), era: '2026' })
  const results: Answers = {
    'tools/list': {
      result: { tools: [{ name: 'work' }, { name: 'other', inputSchema: plain }], ttlMs: nothing },
    },
    'tools/call': { result: { content: 'done', structuredContent: nothing } },
  }
  answer(({ body }, response) => {
    if (!(body?.method in results)) return false
    const message = answerTo(results, body)
    return response.writeHead(200, { 'content-type': 'application/json' }).end(message)
  })
  const tools = await testTools(t, { odd: { url } }).of('alice')
  t.same(tools.names, ['work', 'other'], 'both tools are offered')
  t.equal(await tools.call('work'), 'done', 'its result is read')
})
