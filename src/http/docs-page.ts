import type { FastifyRequest } from 'fastify'

/** Who tries things out at /docs, in development. */
export interface DemoUser {
  id: string
  token: string
}

type Node = Record<string, unknown>

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const resolveRef = (document: Node, node: Node): Node => {
  if (typeof node.$ref !== 'string') return node
  const found = node.$ref
    .slice(2)
    .split('/')
    .reduce<unknown>((at, key) => (isNode(at) ? at[key] : undefined), document)
  return isNode(found) ? found : node
}

/**
 * A parameter as the page needs it. The page sends examples and defaults as if its user had typed them, and a cursor or an
 * id of an example is nobody's. They go into the description. It also makes up properties of objects that may have any.
 */
const withoutValues = (document: Node, parameter: Node): Node => {
  const { example, examples, ...rest } = parameter
  const schema = resolveRef(document, isNode(parameter.schema) ? parameter.schema : {})
  const { default: fallback, example: _, examples: __, additionalProperties: ___, ...type } = schema
  const notes = [
    ...(example === undefined ? [] : [`Example: \`${JSON.stringify(example)}\`.`]),
    ...(fallback === undefined ? [] : [`Default: \`${JSON.stringify(fallback)}\`.`]),
  ]
  return { ...rest, description: [parameter.description ?? '', ...notes].join(' ').trim(), schema: type }
}

/** A file as an example. The page would send its text as a string of JSON; a list of its objects is a file, too. */
const toList = (file: string): unknown =>
  file.startsWith('[')
    ? JSON.parse(file)
    : file
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))

/** The contract as the reference page reads it: no example is a value of a parameter, but for the demo user's id. */
export const docsDocument = (contract: Node, user?: DemoUser): Node => {
  const toParameter = (parameter: unknown): unknown => {
    if (!isNode(parameter) || parameter.$ref) return parameter
    // The page shows an answer once it has ended, and this one would not.
    if (parameter.name === 'max_seconds') return parameter
    const empty = withoutValues(contract, parameter)
    return parameter.name === 'user_id' && user ? { ...empty, example: user.id } : empty
  }
  const toParameters = (node: unknown): unknown =>
    isNode(node) && Array.isArray(node.parameters)
      ? { ...node, parameters: node.parameters.map(toParameter) }
      : node
  const mapValues = (node: unknown, change: (value: unknown) => unknown): Node =>
    Object.fromEntries(Object.entries(isNode(node) ? node : {}).map(([key, value]) => [key, change(value)]))
  const components = isNode(contract.components) ? contract.components : {}
  return {
    ...contract,
    paths: mapValues(contract.paths, (path) => mapValues(toParameters(path), toOperation)),
    components: { ...components, parameters: mapValues(components.parameters, toParameter) },
    ...(user && { 'x-development-token': user.token }),
  }

  function toOperation(value: unknown): unknown {
    if (!isNode(value) || !isNode(value.requestBody))
      return Array.isArray(value) ? value : toParameters(value)
    const toExample = (example: unknown): unknown =>
      isNode(example) && typeof example.value === 'string'
        ? { ...example, value: toList(example.value) }
        : example
    const content = mapValues(value.requestBody.content, (media) =>
      isNode(media) && media.examples ? { ...media, examples: mapValues(media.examples, toExample) } : media,
    )
    return toParameters({ ...value, requestBody: { ...value.requestBody, content } })
  }
}

const loopbackAddress = /^(?:127\.|::1$|::ffff:127\.)/
const loopbackHost = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i

/** Whether it comes from this machine, by a name of this machine: a page of another site may have its own name lead here. */
export const isLocal = ({ socket, headers }: FastifyRequest): boolean =>
  loopbackAddress.test(socket.remoteAddress ?? '') && loopbackHost.test(headers.host ?? '')

/** Swagger UI's, which declares none of it. */
interface PageRequest {
  [field: string]: unknown
  loadSpec?: boolean
  headers?: Record<string, string>
}
declare const location: { href: string }

/**
 * Runs in the page, which gets its source, before each request: sends the development token, if there is one, unless its user
 * has authorized with another. It reads it each time, so that a restarted server needs no reload.
 */
export const authorizeInPage = async (request: PageRequest): Promise<PageRequest> => {
  if (request.loadSpec || request.headers?.Authorization) return request
  const page = location.href.split('#', 1)[0] ?? ''
  const response = await fetch(`${page.endsWith('/') ? page : `${page}/`}json`)
  const { 'x-development-token': token } = (await response.json()) as { 'x-development-token'?: string }
  return token ? { ...request, headers: { ...request.headers, Authorization: `Bearer ${token}` } } : request
}

declare const document: { documentElement: { classList: { toggle(name: string, force: boolean): void } } }
declare const matchMedia: (query: string) => {
  matches: boolean
  addEventListener(type: 'change', listener: () => void): void
}

/**
 * Runs in the page, which gets its source: shows it in light or dark, as its user's system is. Without functions that have names,
 * since tsx would call a helper for these.
 */
export const followAppearance = (): void => {
  const dark = matchMedia('(prefers-color-scheme: dark)')
  document.documentElement.classList.toggle('dark-mode', dark.matches)
  dark.addEventListener('change', () => document.documentElement.classList.toggle('dark-mode', dark.matches))
}
