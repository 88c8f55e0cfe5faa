import { type Contract, operationTable } from './operation-table.js'

type Node = Record<string, unknown>
const json = 'application/json'
const eventStream = 'text/event-stream'
const lines = 'application/x-ndjson'
const isText = (type: string): boolean => type.startsWith('text/') && type !== eventStream

/** What the client needs to know of an operation to make its request and to read its answer. */
export interface ClientEntry {
  method: string
  path: string
  /** the names of its query parameters; all other parameters that the path does not have are fields of its JSON body */
  query?: string[]
  /** the media type of its request body */
  body?: string
  /** whether it takes an Idempotency-Key */
  key?: true
  /** whether it requires no token */
  open?: true
  /** what it answers with */
  answer: 'json' | 'page' | 'stream' | 'updates' | 'lines' | 'document' | 'none'
}

/** What `$ref` leads to in the bundled contract. */
const resolve = (contract: Contract, node: unknown): Node => {
  const { $ref } = node as { $ref?: string }
  if ($ref === undefined) return node as Node
  const steps = $ref.split('/').slice(1)
  const found = steps.reduce<unknown>((at, step) => (at as Node)[step], contract)
  return resolve(contract, found)
}

const isPage = (contract: Contract, schema: unknown): boolean => {
  const { properties = {} } = resolve(contract, schema) as { properties?: Node }
  return 'data' in properties && 'next_cursor' in properties
}

/** The client writes a list with commas, and an object as `name[key]=value`. */
const checkQuery = (id: string, schema: Node, { name, style, explode }: Node): void => {
  const isFit =
    (schema.type !== 'array' || explode === false) && (schema.type !== 'object' || style === 'deepObject')
  if (!isFit) throw new Error(`${id}: the client cannot write the query parameter ${name}.`)
}

const bodyFields = (contract: Contract, schema: unknown): string[] => {
  const {
    properties = {},
    allOf = [],
    anyOf = [],
    oneOf = [],
  } = resolve(contract, schema) as Record<string, Node & unknown[]>
  const parts = [...allOf, ...anyOf, ...oneOf]
  return [...Object.keys(properties), ...parts.flatMap((part) => bodyFields(contract, part))]
}

/** A stream of something else than a message has no end. */
const isEndless = ({ schema }: Node): boolean => !String((schema as Node).$ref).endsWith('/StreamEvent')

const answerOf = (contract: Contract, id: string, contents: Node): ClientEntry['answer'] => {
  const [other] = Object.keys(contents)
  if (json in contents && Object.keys(contents).some(isText)) return 'document'
  if (json in contents) return isPage(contract, (contents[json] as Node).schema) ? 'page' : 'json'
  if (eventStream in contents) return isEndless(contents[eventStream] as Node) ? 'updates' : 'stream'
  if (lines in contents) return 'lines'
  if (other !== undefined) throw new Error(`${id}: the client cannot read ${other}.`)
  return 'none'
}

const entryOf = (
  contract: Contract,
  id: string,
  { method, path, ...entry }: ReturnType<typeof operationTable>[string],
): ClientEntry => {
  const item = contract.paths[path] as Node
  const operation = item[method.toLowerCase()] as Node
  const parameters = [item.parameters ?? [], operation.parameters ?? []]
    .flat()
    .map((node) => resolve(contract, node))
  const query = parameters.filter((parameter) => parameter.in === 'query')
  for (const parameter of query) checkQuery(id, resolve(contract, parameter.schema), parameter)

  const [consumed] = entry.consumes
  const { content = {} } = resolve(contract, operation.requestBody ?? {}) as {
    content?: Record<string, Node>
  }
  const fields = bodyFields(contract, content[json]?.schema ?? {})
  const names = parameters.filter((parameter) => parameter.in !== 'header').map(({ name }) => String(name))
  const twice = fields.find((field) => names.includes(field))
  if (twice)
    throw new Error(
      `${id}: ${twice} is a parameter and a field of the body, and the client takes both in one object.`,
    )

  const success = Object.entries(operation.responses as Node).filter(([status]) => status.startsWith('2'))
  const contents = Object.assign(
    {},
    ...success.map(([, response]) => resolve(contract, response).content ?? {}),
  ) as Node
  const answer = answerOf(contract, id, contents)
  if (consumed !== undefined && consumed !== json && consumed !== lines) {
    throw new Error(`${id}: the client cannot send ${consumed}.`)
  }
  return {
    method,
    path,
    ...(query.length > 0 && { query: query.map(({ name }) => String(name)) }),
    ...(consumed !== undefined && { body: consumed }),
    ...(entry.headers.includes('Idempotency-Key') && { key: true as const }),
    ...(!entry.secured && { open: true as const }),
    answer,
  }
}

/** The operations as the client has them, by their operationId. */
export const clientTable = (contract: Contract): Record<string, ClientEntry> =>
  Object.fromEntries(
    Object.entries(operationTable(contract)).map(([id, entry]) => [id, entryOf(contract, id, entry)]),
  )
