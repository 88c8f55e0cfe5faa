/** The parts of an OpenAPI 3.1 document that the operation table needs. */
export interface Contract {
  security?: unknown[]
  paths: Record<string, PathItem>
  components: { parameters?: Record<string, Parameter> }
}

interface PathItem {
  parameters?: (Parameter | Reference)[]
  [method: string]: unknown
}

interface Operation {
  operationId: string
  security?: unknown[]
  parameters?: (Parameter | Reference)[]
  requestBody?: unknown
  responses: Record<string, { content?: Record<string, unknown> }>
}

interface Parameter {
  name: string
  in: string
  schema?: { default?: string | number | boolean }
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
  /** whether it has a request body */
  body: boolean
  /** the defaults of query parameters */
  queryDefaults: Record<string, string | number | boolean>
  /** the declared request headers, spelled as in the contract */
  headers: string[]
  /** the media types of its successful responses; the first is the default */
  produces: string[]
}

const methods = ['get', 'put', 'post', 'delete', 'patch']

export const operationTable = (contract: Contract): Record<string, OperationEntry> => {
  const resolve = (parameter: Parameter | Reference): Parameter => {
    if (!('$ref' in parameter)) return parameter
    const found = contract.components.parameters?.[parameter.$ref.split('/').at(-1) ?? '']
    if (!found) throw new Error(`The contract has no ${parameter.$ref}.`)
    return found
  }
  const table: Record<string, OperationEntry> = {}
  for (const [path, item] of Object.entries(contract.paths)) {
    for (const method of methods) {
      const operation = item[method] as Operation | undefined
      if (!operation) continue
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(resolve)
      const defaults = parameters.filter((p) => p.in === 'query' && p.schema?.default !== undefined)
      table[operation.operationId] = {
        method: method.toUpperCase(),
        path,
        secured: (operation.security ?? contract.security ?? []).length > 0,
        body: operation.requestBody !== undefined,
        queryDefaults: Object.fromEntries(defaults.map((p) => [p.name, p.schema?.default ?? ''])),
        headers: parameters.filter((p) => p.in === 'header').map((p) => p.name),
        produces: Object.entries(operation.responses)
          .filter(([status]) => status.startsWith('2'))
          .flatMap(([, response]) => Object.keys(response.content ?? {})),
      }
    }
  }
  return table
}
