import t from 'tap'
import type { CallResult } from '../../src/tools/mcp/result.js'
import { toToolResult } from '../../src/tools/mcp/result.js'
import { ToolError } from '../../src/tools/tool.js'
import { mcpServer } from '../helpers/mcp-server.js'
import { testTools } from '../helpers/tools.js'

type Content = Record<string, unknown>[]

const text = (text: string) => ({ type: 'text' as const, text })
const base64 = Buffer.from('a picture').toString('base64')
const image: Record<string, unknown> = { type: 'image', data: base64, mimeType: 'image/png' }
const link = (fields: object) => ({ type: 'resource_link', uri: 'file:///a', ...fields })
const jsonBytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value))

t.test('a result is the structured content, or the text', async (t) => {
  const results: [CallResult, unknown][] = [
    [{ content: [] }, ''],
    [{ content: [text('a')] }, 'a'],
    [{ content: [text('a'), text('b')] }, 'a\nb'],
    [{ content: [text('a')], structuredContent: { b: [1, null] } }, { b: [1, null] }],
    [{ content: [text('see'), image] }, 'see\n[image/png, 9 bytes, left out]'],
    [{ content: [{ type: 'audio', data: base64, mimeType: 'audio/ogg' }] }, '[audio/ogg, 9 bytes, left out]'],
    [{ content: [link({ name: 'a' })] }, 'a <file:///a>'],
    [{ content: [link({ name: 'a', description: 'The first.' })] }, 'a <file:///a>: The first.'],
    [{ content: [link({ name: 'a', title: 'A' })] }, 'a <file:///a>'],
    [{ content: [link({ title: 'A' })] }, 'A <file:///a>'],
    [{ content: [link({ name: ' ', description: null })] }, 'file:///a'],
    [{ content: [link({ description: 7 })] }, 'file:///a'],
    [{ content: [link({ uri: undefined, name: 'a', description: 'Gone.' })] }, 'a: Gone.'],
    [{ content: [link({ uri: null })] }, ''],
    [{ content: [text('see'), link({}), link({ name: 'b' })] }, 'see\nfile:///a\nb <file:///a>'],
    [{ content: [text('1'), link({ name: 'a' })], structuredContent: { n: 1 } }, '{"n":1}\na <file:///a>'],
    [{ content: [text('none'), link({ name: 'a' })], structuredContent: {} }, 'none\na <file:///a>'],
    [{ content: [{ type: 'resource', resource: { uri: 'file:///a' } }] }, 'file:///a'],
    [{ content: [{ type: 'resource', resource: { uri: 'file:///a', text: 'inside' } }] }, 'inside'],
    [
      { content: [{ type: 'resource', resource: { uri: 'file:///a', blob: base64 } }] },
      '[data, 9 bytes, left out]',
    ],
  ]
  for (const [result, data] of results) t.same(toToolResult(result, 1_024), data, JSON.stringify(result))
})

t.test('data that is nested too deep gives way to the text', async (t) => {
  for (const depth of [200, 20_000]) {
    const structuredContent = { a: JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`) }
    t.equal(
      toToolResult({ content: [text('see')], structuredContent }, 1_024),
      'see',
      `${depth} levels: the text stays`,
    )
    t.equal(
      toToolResult({ content: [], structuredContent }, 1_024),
      '[data, nested too deep, left out]',
      `${depth} levels: without a text, a note takes its place`,
    )
  }
})

t.test('a failure is told in the tool’s own words, within a bound', async (t) => {
  const failure = (content: Content) => () => toToolResult({ content, isError: true }, 1_024)
  t.throws(failure([text('No such task.')]), new ToolError('No such task.'), 'the text of the tool')
  t.throws(failure([]), new ToolError('The tool failed and did not say why.'), 'a tool that gives no text')
  t.throws(failure([text('x'.repeat(3_000))]), new ToolError(`${'x'.repeat(1_999)}…`), 'a long text is cut')
  t.throws(
    failure([text(`${'x'.repeat(1_998)}😀😀`)]),
    new ToolError(`${'x'.repeat(1_998)}…`),
    'no half of it',
  )
})

t.test('what is too large is cut at a character, and says so', async (t) => {
  const whole = 'x'.repeat(1_022)
  t.equal(toToolResult({ content: [text(whole)] }, 1_024), whole, 'as JSON it has two more')
  for (const character of ['x', 'ä', '😀', '"', '\n', '\u0001', '\uD800']) {
    const long = character.repeat(2_000)
    const cut = String(toToolResult({ content: [text(long)] }, 1_024))
    const [, kept = '', bytes, total] = /^(.*)… \[cut: (\d+) of (\d+) bytes\]$/s.exec(cut) ?? []
    const name = JSON.stringify(character)
    t.ok(kept !== '' && long.startsWith(kept), `${name}: the beginning is kept`)
    t.equal(kept.length % character.length, 0, `${name}: in whole characters`)
    t.same(
      [Number(bytes), Number(total)],
      [Buffer.byteLength(kept), Buffer.byteLength(long)],
      `${name}: both sizes are right`,
    )
    t.ok(jsonBytes(cut) <= 1_024 && jsonBytes(cut) > 1_024 - 20, `${name}: the bound is used and kept`)
  }
  const structured = { list: Array.from({ length: 500 }, () => 'item') }
  const cut = String(toToolResult({ content: [], structuredContent: structured }, 1_024))
  t.ok(cut.startsWith('{"list":["item","item"'), 'data is cut as JSON')
  t.ok(cut.endsWith(`of ${jsonBytes(structured)} bytes]`), 'with its size')
  t.ok(jsonBytes(cut) <= 1_024, 'within the bound')
})

t.test('what a tool promises of its output is its own affair', async (t) => {
  const outputSchema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] }
  for (const era of ['2025', '2026'] as const) {
    const { url } = await mcpServer(t, {
      tools: [{ name: 'work', inputSchema: { type: 'object' }, outputSchema }],
      call: () => ({ content: [text('done')] }),
      era,
    })
    t.equal(
      await (await testTools(t, { x: { url } }).of('alice')).call('work'),
      'done',
      `MCP ${era}: the result is taken as it is`,
    )
  }
})
