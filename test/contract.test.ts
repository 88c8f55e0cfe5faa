import { readFileSync } from 'node:fs'
import t from 'tap'
import { catalogue } from '../src/problems.js'
import { packageRoot } from '../src/root.js'

type Node = Record<string, unknown>
const document = JSON.parse(readFileSync(new URL('generated/openapi.json', packageRoot), 'utf8')) as {
  paths: Record<string, Record<string, Node>>
  components: { schemas: { ProblemCode: { enum: string[]; description: string } }; responses: Node }
}

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
  walk(document, (node, path) => {
    const types = [node.type].flat()
    const isBounded = (...keys: string[]) => keys.every((key) => key in node)
    if (types.includes('string') && !('enum' in node) && !('const' in node) && !isBounded('maxLength')) {
      unbounded.push(path)
    }
    if (types.includes('integer') && !isBounded('minimum', 'maximum')) unbounded.push(path)
    if (types.includes('number')) unbounded.push(path)
    if (types.includes('array') && !isBounded('maxItems')) unbounded.push(path)
    if (types.includes('object') && !isBounded('additionalProperties')) unbounded.push(path)
  })
  t.same(unbounded, [])
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
  const { enum: codes, description } = document.components.schemas.ProblemCode
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
