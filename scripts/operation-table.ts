/** The parts of an OpenAPI 3.1 document that the operation table needs. */
export interface Contract {
  security?: unknown[]
  paths: Record<string, PathItem>
  components: {
    schemas: Record<string, Schema>
    parameters?: Record<string, Parameter>
    requestBodies?: Record<string, Body>
  }
}

interface PathItem {
  parameters?: (Parameter | Reference)[]
  [method: string]: unknown
}

interface Operation {
  operationId: string
  security?: unknown[]
  parameters?: (Parameter | Reference)[]
  requestBody?: Body | Reference
  responses: Record<string, { content?: Record<string, unknown> }>
}

interface Parameter {
  name: string
  in: string
  schema?: Schema | Reference
}

interface Schema {
  default?: string | number | boolean
}

interface Body {
  content: Record<string, unknown>
}

interface Reference {
  $ref: string
}

/** What the server needs to know of an operation, besides its schemas. */
interface OperationEntry {
  method: string
  path: string
  /** whether it requires a token */
  secured: boolean
  /** the media types of its request body; none when it has no body */
  consumes: string[]
  /** the defaults of query parameters */
  queryDefaults: Record<string, string | number | boolean>
  /** the declared request headers, spelled as in the contract */
  headers: string[]
  /** the media types of its successful responses; the first is the default */
  produces: string[]
}

const methods = ['get', 'put', 'post', 'delete', 'patch']

export const operationTable = (contract: Contract): Record<string, OperationEntry> => {
  const resolve = <T extends object>(value: T | Reference, section: Record<string, T> = {}): T => {
    if (!('$ref' in value)) return value
    const found = section[value.$ref.split('/').at(-1) ?? '']
    if (!found) throw new Error(`The contract has no ${value.$ref}.`)
    return found
  }
  const { components } = contract
  const table: Record<string, OperationEntry> = {}
  for (const [path, item] of Object.entries(contract.paths)) {
    for (const method of methods) {
      const operation = item[method] as Operation | undefined
      if (!operation) continue
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((parameter) =>
        resolve(parameter, components.parameters),
      )
      const body = operation.requestBody && resolve(operation.requestBody, components.requestBodies)
      const defaults = parameters.flatMap(({ name, in: place, schema = {} }) => {
        const { default: value } = resolve(schema, components.schemas)
        return place === 'query' && value !== undefined ? [[name, value]] : []
      })
      table[operation.operationId] = {
        method: method.toUpperCase(),
        path,
        secured: (operation.security ?? contract.security ?? []).length > 0,
        consumes: Object.keys(body?.content ?? {}),
        queryDefaults: Object.fromEntries(defaults),
        headers: parameters.filter((p) => p.in === 'header').map((p) => p.name),
        produces: Object.entries(operation.responses)
          .filter(([status]) => status.startsWith('2'))
          .flatMap(([, response]) => Object.keys(response.content ?? {})),
      }
    }
  }
  return table
}
