import { Ajv, type ErrorObject } from 'ajv'
import { type Access, type HttpServer, sendsUserToken, type ToolServer } from './server-config.js'

/** An invalid tool server configuration. The message names the place in the document and shows no values. */
export class ToolServersError extends Error {}

interface Entry {
  type?: string
  command?: string
  args?: string[]
  env?: Record<string, string>
  cwd?: string
  url?: string
  headers?: Record<string, string>
  audience?: string
  disabled?: boolean
  users?: string[]
  tools?: Record<string, { disabled?: boolean; users?: string[] }>
}

const text = { type: 'string', minLength: 1 }
const textMap = { type: 'object', additionalProperties: { type: 'string' } }
const access = { disabled: { type: 'boolean' }, users: { type: 'array', items: text } }
const common = {
  ...access,
  tools: {
    type: 'object',
    additionalProperties: { type: 'object', properties: access, additionalProperties: false },
  },
}
const ajv = new Ajv({ logger: false })
const isDocument = ajv.compile<{ mcpServers: Record<string, unknown> }>({
  type: 'object',
  properties: { mcpServers: { type: 'object' } },
  required: ['mcpServers'],
  additionalProperties: false,
})
const compileEntry = <K extends 'command' | 'url'>(properties: object, required: K) =>
  ajv.compile<Entry & Record<K, string>>({
    type: 'object',
    properties: { ...common, ...properties },
    required: [required],
    additionalProperties: false,
  })
const isStdioEntry = compileEntry(
  {
    type: { const: 'stdio' },
    command: text,
    args: { type: 'array', items: { type: 'string' } },
    env: textMap,
    cwd: text,
  },
  'command',
)
const isHttpEntry = compileEntry(
  { type: { enum: ['http', 'streamable-http'] }, url: text, headers: textMap, audience: text },
  'url',
)

const serverName = /^[A-Za-z0-9_-]{1,40}$/

/** Renders a JSON Pointer below `base` as a path such as `mcpServers.todo.args[0]`. */
const toPath = (base: string[], pointer: string, name?: string): string => {
  const segments = pointer.split('/').slice(1)
  const names = segments.map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
  return [...base, ...names, ...(name === undefined ? [] : [name])]
    .map((part, i) => (/^\d+$/.test(part) && i > 1 ? `[${part}]` : `${i === 0 ? '' : '.'}${part}`))
    .join('')
}

const rejectWith = (base: string[], [error]: ErrorObject[] = []): never => {
  const { keyword, instancePath = '', params = {}, message } = error ?? {}
  if (keyword === 'additionalProperties') {
    throw new ToolServersError(
      `${toPath(base, instancePath, params.additionalProperty)} is not a known field`,
    )
  }
  if (keyword === 'required') {
    throw new ToolServersError(`${toPath(base, instancePath, params.missingProperty)} is missing`)
  }
  const values = keyword === 'enum' ? ` (${params.allowedValues.join(', ')})` : ''
  const path = toPath(base, instancePath) || 'the document'
  throw new ToolServersError(`${path} ${keyword === 'const' ? 'must be stdio' : message}${values}`)
}

/** Resolves `${NAME}` placeholders. */
export type ResolveVariable = (name: string) => string | undefined

const substitute = (value: string, path: string, resolve: ResolveVariable): string =>
  value.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g, (_, name: string, fallback?: string) => {
    const resolved = resolve(name) ?? fallback
    if (resolved === undefined) throw new ToolServersError(`${path} needs ${name}, which is not set`)
    return resolved
  })

const substituteAll = (values: Record<string, string> = {}, path: string, resolve: ResolveVariable) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, substitute(value, `${path}.${name}`, resolve)]),
  )

const toAccess = ({ disabled = false, users }: { disabled?: boolean; users?: string[] }): Access => ({
  disabled,
  users: users && new Set(users),
})

const checkUrl = (url: string, path: string): void => {
  const parsed = /^https?:\/\//i.test(url) && URL.canParse(url) ? new URL(url) : undefined
  // fetch refuses a password in a URL, with an error that quotes it.
  if (!parsed || parsed.username || parsed.password || parsed.hash) {
    throw new ToolServersError(
      `${path} must be a URL that begins with http:// or https://, without a user or a fragment`,
    )
  }
}

const checkHeaders = (headers: Record<string, string>, path: string): void => {
  for (const [name, value] of Object.entries(headers)) {
    try {
      new Headers([[name, value]])
    } catch {
      throw new ToolServersError(`${path}.${name} is not a valid HTTP header`)
    }
  }
}

const commonFields = (name: string, entry: Entry) => ({
  name,
  ...toAccess(entry),
  tools: new Map(Object.entries(entry.tools ?? {}).map(([tool, access]) => [tool, toAccess(access)])),
})

const parseServer = (name: string, entry: unknown, resolveVariable: ResolveVariable): ToolServer => {
  const base = ['mcpServers', name]
  const path = base.join('.')
  if (!serverName.test(name)) {
    throw new ToolServersError(`${path} must have a name of 1 to 40 of A-Z a-z 0-9 _ -`)
  }
  const { type, command, url, disabled } = (entry ?? {}) as Entry
  // A disabled server may lack its variables: their absence is often why it is disabled.
  const resolve: ResolveVariable = (variable) =>
    resolveVariable(variable) ?? (disabled === true ? '' : undefined)
  if (type === 'sse') {
    throw new ToolServersError(
      `${path}.type must be http: the SSE transport, which http replaced, is not supported`,
    )
  }
  if (command === undefined && url === undefined) {
    throw new ToolServersError(`${path} must be an object with a command or a url`)
  }
  if (command !== undefined && url !== undefined) {
    throw new ToolServersError(`${path} must have a command or a url, not both`)
  }
  if (command !== undefined) {
    if (!isStdioEntry(entry)) return rejectWith(base, isStdioEntry.errors ?? [])
    return {
      kind: 'stdio',
      ...commonFields(name, entry),
      command: substitute(entry.command, `${path}.command`, resolve),
      args: (entry.args ?? []).map((arg, i) => substitute(arg, `${path}.args[${i}]`, resolve)),
      env: substituteAll(entry.env, `${path}.env`, resolve),
      cwd: entry.cwd && substitute(entry.cwd, `${path}.cwd`, resolve),
    }
  }
  if (!isHttpEntry(entry)) return rejectWith(base, isHttpEntry.errors ?? [])
  const headers = substituteAll(entry.headers, `${path}.headers`, resolve)
  checkHeaders(headers, `${path}.headers`)
  const address = substitute(entry.url, `${path}.url`, resolve)
  if (!disabled) checkUrl(address, `${path}.url`)
  return {
    kind: 'http',
    ...commonFields(name, entry),
    url: address,
    headers,
    audience: entry.audience ?? address,
  }
}

const originOf = ({ url }: HttpServer): string => new URL(url).origin

/** Refuses an audience shared by two origins: each server could use the tokens it receives at the other. */
const checkAudiences = (servers: ToolServer[]): void => {
  const owners = new Map<string, HttpServer>()
  for (const server of servers.filter(sendsUserToken)) {
    const owner = owners.get(server.audience) ?? server
    owners.set(server.audience, owner)
    if (originOf(owner) !== originOf(server)) {
      throw new ToolServersError(
        `mcpServers.${server.name}.audience must differ from that of ${owner.name}, which could use its tokens`,
      )
    }
  }
}

/** Parses a document of the usual shape, `{"mcpServers": {"<name>": …}}`. Throws ToolServersError. */
export const parseToolServers = (json: string, resolveVariable: ResolveVariable): ToolServer[] => {
  let document: unknown
  try {
    document = JSON.parse(json)
  } catch (error) {
    // The parser's message may quote a value.
    const at = /position (\d+)/.exec((error as Error).message)?.[1]
    const line = at === undefined ? 0 : json.slice(0, Number(at)).split('\n').length
    throw new ToolServersError(`the document is not valid JSON${line > 0 ? ` (line ${line})` : ''}`)
  }
  if (!isDocument(document)) return rejectWith([], isDocument.errors ?? [])
  const entries = Object.entries(document.mcpServers)
  const servers = entries.map(([name, entry]) => parseServer(name, entry, resolveVariable))
  checkAudiences(servers)
  return servers
}
