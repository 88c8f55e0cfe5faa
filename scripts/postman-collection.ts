import { type Operation, operationsOf, type Parameter, type PostmanSource } from './postman-source.js'

/** Off in the collection, so that nobody who sends all of it erases a user: it is to be filled in by hand. */
const confirmation = 'confirm'

/**
 * Values of optional parameters that no example can have: what the server gave last, and a new key for each request. The others
 * have the contract's example.
 */
const optionalValues: Record<string, string> = {
  cursor: '{{next_cursor}}',
  'Idempotency-Key': '{{$guid}}',
  [confirmation]: '',
}

interface Field {
  key: string
  value: string
  description?: string
  disabled?: true
}

/** Without it Postman would wait for the end of a stream that has none. */
const bound = 'max_seconds'

const toText = (value: unknown): string =>
  Array.isArray(value) ? value.join(',') : value === undefined ? '' : String(value)

/** A parameter as Postman has it: one field, or one for each property of a `deepObject`. Optional ones are off. */
const toFields = ({ name, description = '', required, style, example }: Parameter): Field[] => {
  const field = (key: string, value: string): Field => ({
    key,
    value,
    description: description.trim(),
    ...((!required || name === confirmation) && name !== bound && { disabled: true }),
  })
  if (style !== 'deepObject') return [field(name, optionalValues[name] ?? toText(example))]
  return Object.entries(example ?? {}).map(([key, value]) => field(`${name}[${key}]`, toText(value)))
}

const toUrl = ({ path, parameters }: Operation) => {
  const withVariables = path.replace(/\{(\w+)\}/g, '{{$1}}')
  const query = parameters.filter(({ in: place }) => place === 'query').flatMap(toFields)
  return {
    raw: `{{baseUrl}}${withVariables}`,
    host: ['{{baseUrl}}'],
    path: withVariables.slice(1).split('/'),
    ...(query.length > 0 && { query }),
  }
}

/** Fails unless the answer is one of the operation's successes, with what the contract requires of its body. */
const testsOf = ({ operationId, successes, parameters }: Operation): string[] => {
  const isEndless = parameters.some(({ name }) => name === bound)
  const lines = successes.flatMap(({ status, mediaType, required }) => {
    const isJson = mediaType.endsWith('/json')
    const check = isJson
      ? `pm.expect(pm.response.json()).to.include.all.keys(${JSON.stringify(required)})`
      : mediaType.endsWith('ndjson')
        ? `pm.expect(pm.response.text()).to.match(/\\{"type":"end"\\}\\n$/)`
        : `pm.expect(pm.response.text()).to.match(${isEndless ? /data: \{"type":"(ready|reset)"\}\n\n/ : /data: \[DONE\]\n\n$/})`
    return mediaType === '' || (required.length === 0 && isJson)
      ? []
      : [
          // An operation may answer in another format, if it is asked to.
          `if (pm.response.code === ${status} && (pm.response.headers.get('Content-Type') || '').startsWith('${mediaType}')) {`,
          `  pm.test('${operationId} answers with what the contract requires', () => ${check})`,
          '}',
        ]
  })
  const isUnconfirmed = parameters.some(({ name }) => name === confirmation)
  const statuses = [...successes.map(({ status }) => status), ...(isUnconfirmed ? [422] : [])]
  return [
    `pm.test('${operationId} answers ${statuses.join(' or ')}', () => pm.expect(pm.response.code).to.be.oneOf(${JSON.stringify(statuses)}))`,
    ...lines,
  ]
}

const script = (exec: string[]) => [{ listen: 'test', script: { type: 'text/javascript', exec } }]

/** A request of an operation, with one of the contract's examples as its body. */
const toItem = (operation: Operation, name: string, body?: string) => {
  const { method, parameters, consumes, produces, description, secured } = operation
  const headers: Field[] = [
    ...(produces ? [{ key: 'Accept', value: produces }] : []),
    ...(body === undefined ? [] : [{ key: 'Content-Type', value: consumes }]),
    ...parameters.filter(({ in: place }) => place === 'header').flatMap(toFields),
  ]
  return {
    name: `${operation.operationId}: ${name}`,
    event: script(testsOf(operation)),
    request: {
      method,
      ...(!secured && { auth: { type: 'noauth' } }),
      header: headers,
      ...(body !== undefined && { body: { mode: 'raw', raw: body, options: { raw: { language: 'json' } } } }),
      url: toUrl(operation),
      description,
    },
    response: [],
  }
}

/** The fields of bodies that name an answer. */
const messageFields = ['parent_id', 'regenerate', 'active_message_id']

/**
 * The requests of an operation: one with its first example, and one with each that continues what another request has begun,
 * by the id of that.
 */
const toItems = (operation: Operation, ids: readonly string[]) => {
  if (operation.examples.length === 0) return [toItem(operation, operation.summary)]
  return operation.examples.flatMap(({ summary, value }, index) => {
    // A file, which is sent as it is.
    if (typeof value === 'string') return index > 0 ? [] : [toItem(operation, operation.summary, value)]
    const known = ids.filter((id) => id in value)
    if (index > 0 && known.length === 0) return []
    const variables = Object.fromEntries(known.map((id) => [id, `{{${id}}}`]))
    const messages = Object.fromEntries(
      messageFields.filter((name) => typeof value[name] === 'string').map((name) => [name, '{{message_id}}']),
    )
    const body = JSON.stringify({ ...value, ...variables, ...messages }, undefined, 2)
    return [toItem(operation, index === 0 ? operation.summary : summary, body)]
  })
}

/** Keeps the ids of an answer for the requests that follow, and where its next page begins. */
const rememberIds = (ids: readonly string[]): string[] => [
  "if ((pm.response.headers.get('Content-Type') || '').startsWith('application/json')) {",
  '  const body = pm.response.json()',
  `  for (const id of ${JSON.stringify(ids)}) {`,
  "    if (typeof body[id] === 'string') pm.collectionVariables.set(id, body[id])",
  '  }',
  "  if ('next_cursor' in body) pm.collectionVariables.set('next_cursor', body.next_cursor || '')",
  '}',
]

/**
 * The contract as a Postman collection (format 2.1.0). Its requests can be sent in their order, in which each has the ids that it
 * needs from those before it: what deletes comes last in its folder. (openapi-to-postmanv2 sends each example as a value, ids and
 * cursors of nobody too, and writes no tests; what is left of it after that is mended is less than this.)
 */
export const postmanCollection = (contract: PostmanSource): object => {
  const operations = operationsOf(contract)
  const names = operations.flatMap(({ path }) =>
    [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name),
  )
  const ids = [...new Set(names)].filter((name) => name !== 'user_id')
  const variable = (key: string, description: string, value = '') => ({
    key,
    value,
    type: 'string',
    description,
  })
  const isDelete = ({ method }: Operation): number => Number(method === 'DELETE')
  return {
    info: {
      name: contract.info.title,
      description: contract.info.description,
      schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
    },
    auth: { type: 'bearer', bearer: [{ key: 'token', value: '{{token}}', type: 'string' }] },
    event: script(rememberIds(ids)),
    variable: [
      variable('baseUrl', 'Where the server is.', 'http://127.0.0.1:3000'),
      variable('user_id', "The id of the token's user."),
      variable('token', 'A token of your login, or what `colloquy token` gives.'),
      ...ids.map((id) => variable(id, 'Set by the last answer that has it.')),
      variable('next_cursor', 'Where the next page of the last list begins.'),
    ],
    item: contract.tags.map(({ name, description }) => ({
      name,
      description,
      item: operations
        .filter(({ tags }) => tags[0] === name)
        .sort((a, b) => isDelete(a) - isDelete(b))
        .flatMap((operation) => toItems(operation, ids)),
    })),
  }
}
