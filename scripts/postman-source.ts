/** What a Postman collection needs of an OpenAPI 3.1 document, with its references resolved. */
export interface Operation {
  operationId: string
  method: string
  path: string
  tags: string[]
  summary: string
  description: string
  secured: boolean
  parameters: Parameter[]
  /** the media type of its body; empty without one */
  consumes: string
  examples: Example[]
  /** the media type of its answer; empty without one */
  produces: string
  successes: Success[]
}

export interface Parameter {
  name: string
  in: string
  description?: string
  required?: boolean
  style?: string
  example?: unknown
}

interface Example {
  summary: string
  value: Record<string, unknown>
}

interface Success {
  status: number
  /** empty without a body */
  mediaType: string
  /** the fields that its body has at least */
  required: string[]
}

type Node = Record<string, unknown>
type Or<T> = T | { $ref: string }

interface Media {
  schema?: Or<{ required?: string[] }>
  examples?: Record<string, Or<Example>>
}

interface Source {
  operationId: string
  tags: string[]
  summary: string
  description?: string
  security?: unknown[]
  parameters?: Or<Parameter>[]
  requestBody?: Or<{ content: Record<string, Media> }>
  responses: Record<string, Or<{ content?: Record<string, Media> }>>
}

export interface PostmanSource {
  info: { title: string; description: string }
  tags: { name: string; description: string }[]
  security?: unknown[]
  paths: Record<string, Node>
}

const methods = ['get', 'put', 'post', 'delete', 'patch']

/** The operations of a bundled contract, in its order. */
export const operationsOf = (contract: PostmanSource): Operation[] => {
  const resolve = <T extends object>(value: Or<T>): T => {
    if (!('$ref' in value)) return value
    const keys = value.$ref.split('/').slice(1)
    return resolve(keys.reduce<unknown>((node, key) => (node as Node)[key], contract) as Or<T>)
  }
  const toOperation = (path: string, method: string, source: Source): Operation => {
    const shared = (contract.paths[path]?.parameters ?? []) as Or<Parameter>[]
    const successes = Object.entries(source.responses)
      .filter(([status]) => status.startsWith('2'))
      .map(([status, response]): Success => {
        const [mediaType = '', media] = Object.entries(resolve(response).content ?? {})[0] ?? []
        const { required = [] } = media?.schema ? resolve(media.schema) : {}
        return { status: Number(status), mediaType, required }
      })
    const [consumes = '', body] =
      Object.entries(source.requestBody ? resolve(source.requestBody).content : {})[0] ?? []
    const { operationId, tags, summary, description = '', security } = source
    return {
      operationId,
      method: method.toUpperCase(),
      path,
      tags,
      summary,
      description: description.trim(),
      secured: (security ?? contract.security ?? []).length > 0,
      parameters: [...shared, ...(source.parameters ?? [])].map((parameter) => resolve(parameter)),
      consumes,
      examples: Object.values(body?.examples ?? {}).map((example) => resolve(example)),
      produces: successes.find(({ mediaType }) => mediaType !== '')?.mediaType ?? '',
      successes,
    }
  }
  return Object.entries(contract.paths).flatMap(([path, item]) =>
    methods.flatMap((method) =>
      item[method] ? [toOperation(path, method, item[method] as unknown as Source)] : [],
    ),
  )
}
