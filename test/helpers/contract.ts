import { readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { packageRoot } from '../../src/root.js'
import { hasVisibleText } from '../../src/visible-text.js'

interface Parameter {
  $ref?: string
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  example?: unknown
}

export interface ContractOperation {
  operationId: string
  method: string
  path: string
  parameters?: Parameter[]
  responses: Record<
    string,
    { headers?: Record<string, { schema: object }>; content?: Record<string, object> }
  >
}

interface Document {
  paths: Record<string, Record<string, Omit<ContractOperation, 'method' | 'path'>>>
}

const document = JSON.parse(
  readFileSync(new URL('generated/closed/openapi.json', packageRoot), 'utf8'),
) as Document

export const contractOperations: ContractOperation[] = Object.entries(document.paths).flatMap(
  ([path, item]) =>
    Object.entries(item)
      .filter(([method]) => method !== 'parameters')
      .map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
)

const ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false })
addFormats.default(ajv)
ajv.addFormat('int32', (value: unknown) => Number.isInteger(value))
ajv.addFormat('visible-text', hasVisibleText)
ajv.addFormat('int64', (value: unknown) => Number.isSafeInteger(value))
ajv.addSchema({ ...document, $id: 'contract' })

const compiled = new Map<string, ValidateFunction>()
const validate = (pointer: string, value: unknown): string[] => {
  const check = compiled.get(pointer) ?? ajv.compile({ $ref: `contract#${pointer}` })
  compiled.set(pointer, check)
  return check(value) ? [] : (check.errors ?? []).map((e) => `${e.instancePath} ${e.message}`)
}

const token = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')

/** Follows a `$ref` of the bundled document. */
const resolve = <T extends object>(value: T & { $ref?: string }): { value: T; pointer?: string } => {
  if (!value.$ref) return { value }
  const pointer = value.$ref.slice(1)
  const found = pointer
    .split('/')
    .slice(1)
    .reduce<unknown>(
      (node, key) => (node as Record<string, unknown>)[key.replaceAll('~1', '/').replaceAll('~0', '~')],
      document,
    )
  return { value: found as T, pointer }
}

/** The query of a right request: a value for each parameter that is required, by its name, or as in the contract's example. */
export const requiredQuery = (
  { operationId, parameters = [] }: ContractOperation,
  values: Record<string, string> = {},
): string => {
  const pairs = parameters
    .map((parameter) => resolve(parameter).value)
    .filter((parameter) => parameter.in === 'query' && parameter.required)
    .map(({ name, example }): [string, string] => {
      const value = values[name] ?? example
      if (value === undefined) throw new Error(`${operationId} has no example of its parameter ${name}`)
      return [name, String(value)]
    })
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`
}

export interface SeenResponse {
  method: string
  /** the path that was asked for, without a query */
  path: string
  status: number
  headers: Record<string, unknown>
  body: string
}

/** HEAD is answered like GET, where there is one; a 405 is about the path. */
const operationOf = ({ method, path, status }: SeenResponse): ContractOperation | undefined =>
  contractOperations.find(
    (operation) =>
      operation.method === (method === 'HEAD' && status !== 405 ? 'GET' : method) &&
      new RegExp(`^${operation.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(path),
  )

/** What may be answered where the contract has no operation: a problem about the route or the connection. */
const routeStatuses = [400, 404, 405, 408, 414, 431, 500, 503]
const documentPaths = /^\/(openapi\.(json|yaml)|postman\.json|llms\.txt|metrics|docs(\/.*)?|page\/.*)?$/

/** What every response of HTTP may have, and what is between the server and its proxies. */
const commonHeaders =
  /^(content-(type|length)|date|connection|keep-alive|transfer-encoding|vary|access-control-.+|x-(content-type-options|accel-buffering))$/

const undeclared = (declared: Record<string, object>, headers: Record<string, unknown>): string[] => {
  const names = new Set(Object.keys(declared).map((name) => name.toLowerCase()))
  return Object.keys(headers)
    .filter((name) => !names.has(name) && !commonHeaders.test(name))
    .map((name) => `header ${name} is not declared`)
}

const headerFaults = (declared: Record<string, object>, headers: Record<string, unknown>): string[] =>
  Object.entries(declared).flatMap(([name, reference]) => {
    const { value, pointer } = resolve<{ schema: { type: string }; required?: boolean }>(reference as never)
    const text = headers[name.toLowerCase()]
    if (text === undefined) return value.required ? [`header ${name} is missing`] : []
    return validate(`${pointer}/schema`, value.schema.type === 'integer' ? Number(text) : text)
  })

const messageStream = { id: 'EventId', event: 'StreamEvent' }
const updateStream = { id: 'UpdateId', event: 'UpdateEvent' }

/** What is wrong with the frames of an event stream's text: each has an id and an event, and [DONE] ends those of a message. */
export const eventFaults = (text: string, schemas = messageStream): string[] =>
  text
    .split('\n\n')
    .filter((frame) => frame !== '' && frame !== ':')
    .flatMap((frame) => {
      const [, id, data] = /^id: (.*)\ndata: (.*)$/.exec(frame) ?? []
      if (id === undefined || data === undefined) return [`not a frame: ${frame}`]
      const faults = validate(`/components/schemas/${schemas.id}`, id)
      return data === '[DONE]' && schemas === messageStream
        ? faults
        : [...faults, ...validate(`/components/schemas/${schemas.event}`, JSON.parse(data))]
    })

/** What is wrong with the whole lines of an export's text: each is an ExportLine. */
const lineFaults = (text: string): string[] =>
  text
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => validate('/components/schemas/ExportLine', JSON.parse(line)))

/** Everything in which a response differs from what the contract says of it; nothing when it is right. */
export const contractFaults = (seen: SeenResponse): string[] => {
  const mediaType = String(seen.headers['content-type'] ?? '').split(';')[0] ?? ''
  const operation = operationOf(seen)
  if (!operation) {
    if (seen.status === 204 && seen.method === 'OPTIONS') {
      const isAnswered = 'allow' in seen.headers || 'access-control-allow-methods' in seen.headers
      return isAnswered ? [] : ['OPTIONS without Allow']
    }
    if (seen.status < 400 && documentPaths.test(seen.path)) return []
    const isPreflight = seen.status === 403 && seen.method === 'OPTIONS'
    const isGuarded = seen.status === 401 && seen.path === '/metrics'
    if (!routeStatuses.includes(seen.status) && !isPreflight && !isGuarded)
      return [`status ${seen.status} outside the contract`]
    if (mediaType !== 'application/problem+json')
      return [`${mediaType || 'no media type'} instead of a problem`]
    return validate('/components/schemas/Problem', JSON.parse(seen.body))
  }
  const declared = operation.responses[seen.status]
  if (!declared) return [`${operation.operationId} does not declare ${seen.status}`]
  const here = `/paths/${token(operation.path)}/${operation.method.toLowerCase()}/responses/${seen.status}`
  const { value: response, pointer = here } = resolve(declared)
  const headers = [
    ...headerFaults(response.headers ?? {}, seen.headers),
    ...undeclared(response.headers ?? {}, seen.headers),
  ]
  if (!response.content) return seen.body === '' ? headers : [...headers, 'a body where none is declared']
  if (!(mediaType in response.content)) return [...headers, `media type ${mediaType || 'none'}`]
  if (mediaType === 'text/event-stream') {
    const isUpdates = operation.operationId === 'streamUpdates'
    return [...headers, ...eventFaults(seen.body, isUpdates ? updateStream : messageStream)]
  }
  if (mediaType === 'application/x-ndjson') return [...headers, ...lineFaults(seen.body)]
  if (mediaType === 'text/markdown') return headers
  const body = validate(`${pointer}/content/${token(mediaType)}/schema`, JSON.parse(seen.body))
  const status = mediaType === 'application/problem+json' ? JSON.parse(seen.body).status : seen.status
  return [...headers, ...body, ...(status === seen.status ? [] : ['the problem names another status'])]
}
