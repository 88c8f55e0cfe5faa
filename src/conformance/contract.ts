import { readFile } from 'node:fs/promises'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { packageRoot } from '../root.js'
import { hasVisibleText } from '../visible-text.js'

/** A schema of the contract. Its references name the whole document, so any part of it compiles by itself. */
export interface JsonSchema {
  $ref?: string
  [keyword: string]: unknown
}

export interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required: boolean
  style?: string
  explode?: boolean
  schema: JsonSchema
}

export interface DeclaredHeader {
  required: boolean
  schema: JsonSchema
}

export interface DeclaredResponse {
  headers: Record<string, DeclaredHeader>
  /** by media type; empty when the response has no body */
  content: Record<string, JsonSchema>
}

export interface Operation {
  id: string
  /** in upper case */
  method: string
  /** with the names of its parameters, such as `/api/{user_id}/chat` */
  path: string
  /** whether it takes no token */
  isPublic: boolean
  /** of the path and of the operation */
  parameters: Parameter[]
  /** by media type; undefined when the operation takes no body */
  body: Record<string, JsonSchema> | undefined
  /** by status */
  responses: Record<string, DeclaredResponse>
}

export interface Contract {
  version: string
  operations: Operation[]
  /** Throws when the contract has no such operation. */
  operation(id: string): Operation
  /** A schema of `components`. */
  schema(name: string): JsonSchema
  /** The schema that a reference leads to, or the schema itself. */
  resolve(schema: JsonSchema): JsonSchema
  /** Why the value does not match the schema, a line for each reason; empty when it matches. */
  faults(schema: JsonSchema, value: unknown): string[]
}

const documentId = 'contract'
type Node = Record<string, unknown>

/** Makes references absolute: `#/components/…` becomes `contract#/components/…`. */
const absolute = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(absolute)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === '$ref' && typeof inner === 'string' && inner.startsWith('#')
        ? documentId + inner
        : absolute(inner),
    ]),
  )
}

const unescapePointer = (token: string): string => token.replaceAll('~1', '/').replaceAll('~0', '~')

const dereference = (document: Node, value: Node): Node => {
  if (typeof value.$ref !== 'string') return value
  const tokens = value.$ref.slice(`${documentId}#/`.length).split('/').map(unescapePointer)
  const found = tokens.reduce<unknown>((node, token) => (node as Node | undefined)?.[token], document)
  if (typeof found !== 'object' || found === null) throw new Error(`The contract has no ${value.$ref}.`)
  return dereference(document, found as Node)
}

const isUtc = (text: string): boolean => /(?:Z|[+-]00:00)$/i.test(text) && !Number.isNaN(Date.parse(text))

const createAjv = (): Ajv2020 => {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false })
  addFormats.default(ajv, ['date', 'date-time', 'uri-reference', 'uuid'])
  const rfc3339 = ajv.formats['date-time']
  const isDateTime = (text: string): boolean =>
    typeof rfc3339 === 'object' && 'validate' in rfc3339 && typeof rfc3339.validate === 'function'
      ? Boolean((rfc3339.validate as (text: string) => boolean)(text))
      : true
  // "Times are RFC 3339 in UTC."
  ajv.addFormat('date-time', (text: string) => isDateTime(text) && isUtc(text))
  ajv.addFormat('visible-text', hasVisibleText)
  // `minimum` and `maximum` bound the integers.
  ajv.addFormat('int32', true)
  ajv.addFormat('int64', true)
  return ajv
}

const readResponse = (resolve: (value: Node) => Node, raw: Node): DeclaredResponse => {
  const { headers = {}, content = {} } = resolve(raw) as { headers?: Node; content?: Node }
  return {
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, header]) => {
        const { required = false, schema } = resolve(header as Node)
        return [name.toLowerCase(), { required: Boolean(required), schema: schema as JsonSchema }]
      }),
    ),
    content: Object.fromEntries(
      Object.entries(content as Record<string, Node>).map(([type, { schema }]) => [
        type,
        schema as JsonSchema,
      ]),
    ),
  }
}

const readOperation = (
  resolve: (value: Node) => Node,
  [path, method]: [path: string, method: string],
  shared: Node[],
  raw: Node,
): Operation => {
  const parameters = [...shared, ...((raw.parameters as Node[] | undefined) ?? [])].map(resolve)
  const body = raw.requestBody ? resolve(raw.requestBody as Node) : undefined
  return {
    id: String(raw.operationId),
    method: method.toUpperCase(),
    path,
    isPublic: Array.isArray(raw.security) && raw.security.length === 0,
    parameters: parameters.map((parameter) => ({
      ...(parameter as unknown as Parameter),
      required: parameter.required === true,
    })),
    body: body && readResponse(resolve, body).content,
    responses: Object.fromEntries(
      Object.entries(raw.responses as Node).map(([status, response]) => [
        status,
        readResponse(resolve, response as Node),
      ]),
    ),
  }
}

/** Reads an OpenAPI 3.1 document whose references are all its own. */
const parseContract = (published: object): Contract => {
  const document = absolute(published) as Node
  const resolve = (value: Node): Node => dereference(document, value)
  const ajv = createAjv()
  ajv.addSchema({ ...document, $id: documentId })
  const compiled = new WeakMap<JsonSchema, ValidateFunction>()
  const compile = (schema: JsonSchema): ValidateFunction => {
    const known = compiled.get(schema)
    if (known) return known
    const validate = ajv.compile(schema)
    compiled.set(schema, validate)
    return validate
  }
  const operations = Object.entries(document.paths as Record<string, Node>).flatMap(([path, item]) => {
    const { parameters = [], ...methods } = item as Record<string, Node> & { parameters?: Node[] }
    return Object.entries(methods).map(([method, raw]) =>
      readOperation(resolve, [path, method], parameters, raw as Node),
    )
  })
  const schemas = (document.components as Node).schemas as Record<string, JsonSchema>
  return {
    version: String((document.info as Node).version),
    operations,
    operation(id) {
      const found = operations.find((operation) => operation.id === id)
      if (!found) throw new Error(`The contract has no operation ${id}.`)
      return found
    },
    schema(name) {
      const found = schemas[name]
      if (!found) throw new Error(`The contract has no schema ${name}.`)
      return found
    },
    resolve: (schema) => resolve(schema) as JsonSchema,
    faults(schema, value) {
      const validate = compile(schema)
      if (validate(value)) return []
      return (validate.errors ?? []).map(({ instancePath, message, params }) => {
        const name = params.additionalProperty ?? params.missingProperty
        return `${instancePath || 'it'} ${message}${name && !message?.includes(name) ? ` (${name})` : ''}`
      })
    },
  }
}

/** The contract that this package publishes. It is the open one: a server may send more than we know of. */
export const readContract = async (): Promise<Contract> =>
  parseContract(JSON.parse(await readFile(new URL('generated/openapi.json', packageRoot), 'utf8')))
