import stripJsonComments from 'strip-json-comments'
import { type Access, type HttpServer, sendsUserToken, type ToolServer } from './server-config.js'
import { type Entry, readEntry, readServers, ToolServersError, type Warn } from './server-entry.js'

export { ToolServersError } from './server-entry.js'

const MAX_NAME_LENGTH = 40

/** A server's name as logs, tools and assistants have it. Editors allow any text. */
const toServerName = (path: readonly PropertyKey[], warn: Warn): string => {
  const given = String(path[1])
  const name = given.replace(/[^A-Za-z0-9_-]+/g, '_').slice(0, MAX_NAME_LENGTH)
  if (name === '' || (name !== given && !/[A-Za-z0-9]/.test(name)))
    throw new ToolServersError(`${path.join('.')} must have a name with one of A-Z a-z 0-9`)
  if (name !== given) warn(`${path.join('.')} is called ${name}`)
  return name
}

/** Resolves `${NAME}` placeholders. */
export type ResolveVariable = (name: string) => string | undefined

/** `${NAME}`, `${NAME:-default}`, and `${env:NAME}` as editors write it. */
const placeholders = /\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{(input:[^}]*)\}/g

const substitute = (value: string, path: string, resolve: ResolveVariable): string =>
  value.replace(placeholders, (_, name?: string, fallback?: string, input?: string) => {
    const resolved = resolve(name ?? input ?? '') ?? fallback
    if (resolved !== undefined) return resolved
    throw new ToolServersError(
      name
        ? `${path} needs ${name}, which is not set`
        : `${path} needs ${input}, for which only an editor can ask: name an environment variable`,
    )
  })

const substituteAll = (values: Record<string, string>, path: string, resolve: ResolveVariable) =>
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
  tools: new Map(entry.tools.map(([tool, access]) => [tool, toAccess(access)])),
})

const toServer = (name: string, path: string, entry: Entry, resolveVariable: ResolveVariable): ToolServer => {
  // A disabled server may lack its variables: their absence is often why it is disabled.
  const resolve: ResolveVariable = (variable) =>
    resolveVariable(variable) ?? (entry.disabled === true ? '' : undefined)
  if (entry.kind === 'stdio') {
    return {
      kind: 'stdio',
      ...commonFields(name, entry),
      command: substitute(entry.command, `${path}.command`, resolve),
      args: entry.args.map((arg, i) => substitute(arg, `${path}.args[${i}]`, resolve)),
      env: substituteAll(entry.env, `${path}.env`, resolve),
      cwd: entry.cwd && substitute(entry.cwd, `${path}.cwd`, resolve),
    }
  }
  const headers = substituteAll(entry.headers, `${path}.headers`, resolve)
  checkHeaders(headers, `${path}.headers`)
  const address = substitute(entry.url, `${path}.url`, resolve)
  if (!entry.disabled) checkUrl(address, `${path}.url`)
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

/** Parses JSON as editors write it: with a byte order mark, comments or trailing commas. */
const parseJson = (text: string): unknown => {
  const json = stripJsonComments(text.replace(/^\uFEFF/, ''), { trailingCommas: true })
  try {
    return JSON.parse(json)
  } catch (error) {
    // The parser's message may quote a value.
    const at = /position (\d+)/.exec((error as Error).message)?.[1]
    const line = at === undefined ? 0 : json.slice(0, Number(at)).split('\n').length
    throw new ToolServersError(`the document is not valid JSON${line > 0 ? ` (line ${line})` : ''}`)
  }
}

/**
 * Parses a document of the usual shape, `{"mcpServers": {"<name>": …}}`, also as other programs write it. `warn` is told of each field
 * that has no effect. Throws ToolServersError.
 */
export const parseToolServers = (
  json: string,
  resolveVariable: ResolveVariable,
  warn: Warn = () => {},
): ToolServer[] => {
  const servers = readServers(parseJson(json), warn).map(([path, value]) => {
    const name = toServerName(path, warn)
    return toServer(name, path.join('.'), readEntry(value, path, warn), resolveVariable)
  })
  const names = servers.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice) throw new ToolServersError(`two servers are called ${twice}`)
  checkAudiences(servers)
  return servers
}
