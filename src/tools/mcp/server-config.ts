import { Ajv, type ErrorObject } from 'ajv'

/** Whom something is for; everybody when no user is named. */
export interface Access {
  disabled: boolean
  users: ReadonlySet<string> | undefined
}

interface AnyServer extends Access {
  name: string
  /** by the tool's own name */
  tools: ReadonlyMap<string, Access>
}

export interface StdioServer extends AnyServer {
  kind: 'stdio'
  command: string
  args: string[]
  env: Record<string, string>
  cwd: string | undefined
}

export interface HttpServer extends AnyServer {
  kind: 'http'
  url: string
  headers: Record<string, string>
  /** what the tokens for it name as `aud` */
  audience: string
}

export type ToolServer = StdioServer | HttpServer

/** What is wrong with a configuration of tool servers, with the place in the document; it shows no values. */
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
const texts = { type: 'object', additionalProperties: { type: 'string' } }
const access = { disabled: { type: 'boolean' }, users: { type: 'array', items: text } }
const limits = {
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
const entryOf = <K extends 'command' | 'url'>(properties: object, required: K) =>
  ajv.compile<Entry & Record<K, string>>({
    type: 'object',
    properties: { ...limits, ...properties },
    required: [required],
    additionalProperties: false,
  })
const isStdio = entryOf(
  {
    type: { const: 'stdio' },
    command: text,
    args: { type: 'array', items: { type: 'string' } },
    env: texts,
    cwd: text,
  },
  'command',
)
const isHttp = entryOf(
  { type: { enum: ['http', 'streamable-http'] }, url: text, headers: texts, audience: text },
  'url',
)

const serverName = /^[A-Za-z0-9_-]{1,40}$/

/** `mcpServers.todo.args[0]`, from a JSON Pointer in what stands at `base`. */
const placeOf = (base: string[], pointer: string, name?: string): string => {
  const tokens = pointer.split('/').slice(1)
  const names = tokens.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
  return [...base, ...names, ...(name === undefined ? [] : [name])]
    .map((part, i) => (/^\d+$/.test(part) && i > 1 ? `[${part}]` : `${i === 0 ? '' : '.'}${part}`))
    .join('')
}

const refuse = (base: string[], [error]: ErrorObject[] = []): never => {
  const { keyword, instancePath = '', params = {}, message } = error ?? {}
  if (keyword === 'additionalProperties') {
    throw new ToolServersError(
      `${placeOf(base, instancePath, params.additionalProperty)} is not a known field`,
    )
  }
  if (keyword === 'required') {
    throw new ToolServersError(`${placeOf(base, instancePath, params.missingProperty)} is missing`)
  }
  const values = keyword === 'enum' ? ` (${params.allowedValues.join(', ')})` : ''
  const place = placeOf(base, instancePath) || 'the document'
  throw new ToolServersError(`${place} ${keyword === 'const' ? 'must be stdio' : message}${values}`)
}

/** Where the values come from that `${NAME}` stands for. */
export type Variables = (name: string) => string | undefined

const filled = (value: string, place: string, variables: Variables): string =>
  value.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g, (_, name: string, fallback?: string) => {
    const found = variables(name) ?? fallback
    if (found === undefined) throw new ToolServersError(`${place} needs ${name}, which is not set`)
    return found
  })

const allFilled = (values: Record<string, string> = {}, place: string, variables: Variables) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, filled(value, `${place}.${name}`, variables)]),
  )

const accessOf = ({ disabled = false, users }: { disabled?: boolean; users?: string[] }): Access => ({
  disabled,
  users: users && new Set(users),
})

const checkUrl = (url: string, place: string): void => {
  const parsed = /^https?:\/\//i.test(url) && URL.canParse(url) ? new URL(url) : undefined
  // fetch refuses a password in a URL, with a message that shows it.
  if (!parsed || parsed.username || parsed.password || parsed.hash) {
    throw new ToolServersError(
      `${place} must be a URL that begins with http:// or https://, without a user or a fragment`,
    )
  }
}

const checkHeaders = (headers: Record<string, string>, place: string): void => {
  for (const [name, value] of Object.entries(headers)) {
    try {
      new Headers([[name, value]])
    } catch {
      throw new ToolServersError(`${place}.${name} is no header that can be sent`)
    }
  }
}

const commonOf = (name: string, entry: Entry) => ({
  name,
  ...accessOf(entry),
  tools: new Map(Object.entries(entry.tools ?? {}).map(([tool, limits]) => [tool, accessOf(limits)])),
})

const parseServer = (name: string, entry: unknown, given: Variables): ToolServer => {
  const base = ['mcpServers', name]
  const place = base.join('.')
  if (!serverName.test(name)) {
    throw new ToolServersError(`${place} must have a name of 1 to 40 of A-Z a-z 0-9 _ -`)
  }
  const { type, command, url, disabled } = (entry ?? {}) as Entry
  // A server may be switched off because what it needs is gone.
  const variables: Variables = (variable) => given(variable) ?? (disabled === true ? '' : undefined)
  if (type === 'sse') {
    throw new ToolServersError(`${place}.type must be http: SSE is the transport that it replaced`)
  }
  if (command === undefined && url === undefined) {
    throw new ToolServersError(`${place} must be an object with a command or a url`)
  }
  if (command !== undefined && url !== undefined) {
    throw new ToolServersError(`${place} must have a command or a url, not both`)
  }
  if (command !== undefined) {
    if (!isStdio(entry)) return refuse(base, isStdio.errors ?? [])
    return {
      kind: 'stdio',
      ...commonOf(name, entry),
      command: filled(entry.command, `${place}.command`, variables),
      args: (entry.args ?? []).map((arg, i) => filled(arg, `${place}.args[${i}]`, variables)),
      env: allFilled(entry.env, `${place}.env`, variables),
      cwd: entry.cwd && filled(entry.cwd, `${place}.cwd`, variables),
    }
  }
  if (!isHttp(entry)) return refuse(base, isHttp.errors ?? [])
  const headers = allFilled(entry.headers, `${place}.headers`, variables)
  checkHeaders(headers, `${place}.headers`)
  const address = filled(entry.url, `${place}.url`, variables)
  if (!disabled) checkUrl(address, `${place}.url`)
  return {
    kind: 'http',
    ...commonOf(name, entry),
    url: address,
    headers,
    audience: entry.audience ?? address,
  }
}

const originOf = ({ url }: HttpServer): string => new URL(url).origin

/** A token for one server must be of no use to another one, which could send it on. */
const checkAudiences = (servers: ToolServer[]): void => {
  const owners = new Map<string, HttpServer>()
  for (const server of servers.filter(carriesUser)) {
    const owner = owners.get(server.audience) ?? server
    owners.set(server.audience, owner)
    if (originOf(owner) !== originOf(server)) {
      throw new ToolServersError(
        `mcpServers.${server.name}.audience must not be that of ${owner.name}, which could use its tokens`,
      )
    }
  }
}

/** Reads a document of the usual shape, `{"mcpServers": {"<name>": …}}`. Throws ToolServersError. */
export const parseToolServers = (json: string, variables: Variables): ToolServer[] => {
  let document: unknown
  try {
    document = JSON.parse(json)
  } catch (error) {
    // Its own words may quote a value.
    const at = /position (\d+)/.exec((error as Error).message)?.[1]
    const line = at === undefined ? 0 : json.slice(0, Number(at)).split('\n').length
    throw new ToolServersError(`the document is not JSON${line > 0 ? `: look at line ${line}` : ''}`)
  }
  if (!isDocument(document)) return refuse([], isDocument.errors ?? [])
  const entries = Object.entries(document.mcpServers)
  const servers = entries.map(([name, entry]) => parseServer(name, entry, variables))
  checkAudiences(servers)
  return servers
}

/** Whether requests to it carry a token of the user: an Authorization of the configuration takes its place. */
export const carriesUser = (server: ToolServer): server is HttpServer =>
  server.kind === 'http' &&
  !server.disabled &&
  !Object.keys(server.headers).some((name) => name.toLowerCase() === 'authorization')

export const allows = ({ disabled, users }: Access, userId: string): boolean =>
  !disabled && (users === undefined || users.has(userId))
