import { readFileSync } from 'node:fs'
import t from 'tap'
import { catalogue } from '../src/problem-catalogue.js'
import { packageRoot } from '../src/root.js'

type Node = Record<string, unknown>
interface Document {
  paths: Record<string, Record<string, Node>>
  components: {
    schemas: Record<string, Node> & {
      KnownProblemCode: { enum: string[] }
      ProblemCode: { description: string }
    }
    responses: Node
  }
}
const read = (path: string) => JSON.parse(readFileSync(new URL(path, packageRoot), 'utf8')) as Document
const document = read('generated/openapi.json')
const closed = read('generated/closed/openapi.json')

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null

/** Calls `visit` with every node below `value` and the path to it, examples aside. */
const walk = (value: unknown, visit: (node: Node, path: string) => void, path = ''): void => {
  if (!isNode(value)) return
  if (!Array.isArray(value)) visit(value, path)
  for (const [key, child] of Object.entries(value)) {
    if (!/^(example|examples|default|enum)$/.test(key)) walk(child, visit, `${path}/${key}`)
  }
}

const operations = Object.values(document.paths).flatMap((item) =>
  Object.entries(item)
    .filter(([key]) => key !== 'parameters')
    .map(([, operation]) => operation),
)

t.test('every value has its bounds', async (t) => {
  const unbounded: string[] = []
  walk(closed, (node, path) => {
    const types = [node.type].flat()
    const isBounded = (...keys: string[]) => keys.every((key) => key in node)
    if (types.includes('string') && !('enum' in node) && !('const' in node) && !isBounded('maxLength')) {
      unbounded.push(path)
    }
    if (types.some((type) => type === 'integer' || type === 'number') && !isBounded('minimum', 'maximum')) {
      unbounded.push(path)
    }
    if (types.includes('array') && !isBounded('maxItems')) unbounded.push(path)
    if (types.includes('object') && !isBounded('additionalProperties')) unbounded.push(path)
  })
  t.same(unbounded, [], 'nothing of any size')
})

t.test('every operation is described, and every body has an example', async (t) => {
  t.ok(operations.length > 0)
  for (const { operationId, summary, description } of operations)
    t.ok(summary && description, String(operationId))
  const bare: string[] = []
  walk(document, (node, path) => {
    if (!isNode(node.content)) return
    for (const [type, content] of Object.entries(node.content)) {
      if (type.includes('/') && !(isNode(content) && isNode(content.examples))) bare.push(`${path} ${type}`)
    }
  })
  t.same(bare, [])
})

t.test('every operation declares what any request can be answered with', async (t) => {
  const any = ['400', '408', '414', '422', '431', '500']
  for (const { operationId, responses, requestBody, security } of operations) {
    const secured = security === undefined ? ['401', '403', '503'] : []
    const body = requestBody ? ['413', '415'] : []
    const declared = Object.keys(responses as Node)
    const missing = [...any, ...secured, ...body].filter((status) => !declared.includes(status))
    t.same(missing, [], String(operationId))
  }
})

t.test('the codes of problems are those of the catalogue, with their statuses', async (t) => {
  const { KnownProblemCode, ProblemCode } = document.components.schemas
  const { enum: codes } = KnownProblemCode
  const { description } = ProblemCode
  t.same([...codes].sort(), Object.keys(catalogue).sort())
  const table = Object.fromEntries(
    [...description.matchAll(/^\| `([\w-]+)` \| (\d{3}) \|/gm)].map(([, code, status]) => [
      code,
      Number(status),
    ]),
  )
  t.same(table, Object.fromEntries(Object.entries(catalogue).map(([code, { status }]) => [code, status])))
  walk(document.components.responses, (node) => {
    if (!isNode(node.content)) return
    const [content] = Object.values(node.content) as { examples: Record<string, { value: Node }> }[]
    for (const [name, { value }] of Object.entries(content?.examples ?? {})) {
      const { status, title } = catalogue[value.code as keyof typeof catalogue]
      t.match(value, { code: name, type: `urn:colloquy:problem:${name}`, status, title })
    }
  })
})

t.test('what is published is open, and the twin differs in nothing but being closed', async (t) => {
  /** How the published value becomes the twin's. */
  const differences = (open: unknown, twin: unknown, path = ''): string[] => {
    if (JSON.stringify(open) === JSON.stringify(twin)) return []
    if (!isNode(open) || !isNode(twin)) return [`${path}: another value`]
    const [known, any] = Array.isArray(open.anyOf) ? (open.anyOf as Node[]) : []
    if (known && '$ref' in twin && known.$ref === twin.$ref) {
      const { anyOf: _, ...rest } = open
      const text = { type: 'string', maxLength: 60 }
      const later = ['LaterDataEvent', 'LaterExportLine', 'LaterUpdateEvent'].map((name) => ({
        $ref: `#/components/schemas/${name}`,
      }))
      const isOpen = [text, ...later].some((other) => JSON.stringify(any) === JSON.stringify(other))
      return [
        isOpen ? 'closed union' : `${path}: not open`,
        ...differences({ ...rest, $ref: twin.$ref }, twin, path),
      ]
    }
    const isClosed = open.additionalProperties === undefined && twin.additionalProperties === false
    const keys = new Set([...Object.keys(open), ...Object.keys(twin)])
    if (isClosed) keys.delete('additionalProperties')
    return [
      ...(isClosed ? ['closed object'] : []),
      ...[...keys].flatMap((key) => differences(open[key], twin[key], `${path}/${key}`)),
    ]
  }
  const found = differences(document, closed)
  t.same([...new Set(found)].sort(), ['closed object', 'closed union'], 'two kinds of difference')

  const schemas: [string, Node][] = Object.entries(document.components.schemas)
  const closedToday = schemas
    .filter(([, schema]) => schema.additionalProperties === false)
    .map(([name]) => name)
  t.same(
    closedToday,
    ['TurnRequest', 'ConversationUpdate', 'ConversationCreation', 'ConversationFork', 'FeedbackRequest'],
    'request bodies alone are closed',
  )
  const enums = schemas.filter(([, { enum: values }]) => Array.isArray(values) && values.length > 1)
  t.same(
    enums.map(([name]) => name).filter((name) => !name.startsWith('Known')),
    ['BranchChoice', 'Order', 'ExportFormat', 'NewRating'],
    'every enum but those of requests may grow',
  )
  const inline: string[] = []
  walk(document, (node, path) => {
    const isNamed = /^\/components\/schemas\/\w+$/.test(path)
    if (Array.isArray(node.enum) && node.enum.length > 1 && !isNamed) inline.push(path)
    if ('const' in node) inline.push(path)
  })
  t.same(inline, [], 'every enum has a name')
})

t.test('every response declares the headers that it is sent with', async (t) => {
  const bare: string[] = []
  const responses = operations.flatMap(({ operationId, responses }) =>
    Object.entries(responses as Record<string, Node>).map(([status, response]) => {
      const name = String(response.$ref ?? '')
        .split('/')
        .at(-1)
      const found = name ? (document.components.responses[name] as Node) : response
      return { name: `${operationId} ${status}`, headers: Object.keys((found.headers ?? {}) as Node), found }
    }),
  )
  for (const { name, headers, found } of responses) {
    const isStream = JSON.stringify(found.content ?? {}).includes('"#/components/schemas/StreamEvent"')
    const expected = ['X-Request-Id', 'Cache-Control', ...(isStream ? ['X-Vercel-AI-UI-Message-Stream'] : [])]
    if (!expected.every((header) => headers.includes(header))) bare.push(name)
  }
  t.same(bare, [], 'the id of the request, and what may keep the answer')
})
