import { z } from 'zod'
import { closestName } from '../../closest-name.js'
import { isJsonObject } from '../../json-object.js'

/** An invalid tool server configuration. The message names the place in the document and shows no values. */
export class ToolServersError extends Error {}

type Json = Record<string, unknown>
export type Warn = (message: string) => void
type Path = readonly PropertyKey[]

/** Renders a path such as `mcpServers.todo.args[0]`. */
const render = (path: Path): string =>
  path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${String(part)}`))
    .join('')

const describeIssue = (issue: z.core.$ZodIssue | undefined, base: Path): string => {
  const path = [...base, ...(issue?.path ?? [])]
  if (issue?.code === 'unrecognized_keys')
    return `${render([...path, issue.keys[0] ?? ''])} is not a known field`
  const place = render(path) || 'the document'
  if (issue?.code === 'too_small') return `${place} must not be empty`
  if (issue?.code !== 'invalid_type') return `${place} is not valid`
  return `${place} must be ${issue.expected === 'record' ? 'object' : issue.expected}`
}

/** Parses a part of the document at `path`. Throws ToolServersError. */
const parse = <T>(schema: z.ZodType<T>, value: unknown, path: Path): T => {
  const { success, data, error } = schema.safeParse(value)
  if (!success) throw new ToolServersError(describeIssue(error.issues[0], path))
  return data
}

/** Parses an object, with any key: zod drops `__proto__`. */
const parseObject = (value: unknown, path: Path): Json =>
  isJsonObject(value) ? value : parse(z.record(z.string(), z.unknown()), value, path)

const text = z.string().min(1)
/** A text, or what a text can only mean where others write a number or a flag. */
const plainText = z.preprocess(
  (value) => (typeof value === 'number' || typeof value === 'boolean' ? String(value) : value),
  z.string(),
)
/** A map of texts, in which null is absent where `isAbsent` says so. */
const textMap = (isAbsent: (name: string) => boolean = () => true) =>
  z.preprocess(
    (value) =>
      isJsonObject(value)
        ? Object.fromEntries(Object.entries(value).filter(([name, v]) => v !== null || !isAbsent(name)))
        : value,
    z.record(z.string(), plainText),
  )
/** Where one is missing, the server is sent a user's token: nobody should have to guess whether null asks for that. */
const isOrdinaryHeader = (name: string): boolean => name.trim().toLowerCase() !== 'authorization'
const access = z.strictObject({ disabled: z.boolean().optional(), users: z.array(text).optional() })
const common = { ...access.shape, tools: z.unknown() }
const stdio = z.object({
  ...common,
  command: text,
  args: z.array(plainText).default([]),
  env: textMap().default({}),
  cwd: text.optional(),
})
const http = z.object({
  ...common,
  url: text.trim(),
  headers: textMap(isOrdinaryHeader).default({}),
  audience: text.optional(),
})

type AccessEntry = z.infer<typeof access>
export type Entry = (
  | ({ kind: 'stdio' } & z.infer<typeof stdio>)
  | ({ kind: 'http' } & z.infer<typeof http>)
) & {
  tools: [name: string, access: AccessEntry][]
}

/** What other programs call our fields. */
const ALIASES: Json = {
  httpUrl: 'url',
  http_url: 'url',
  serverUrl: 'url',
  server_url: 'url',
  uri: 'url',
  endpoint: 'url',
  environment: 'env',
  transport: 'type',
  transportType: 'type',
  isActive: 'enabled',
  isEnabled: 'enabled',
  active: 'enabled',
}
/** What other programs call the list of the tools that are left out. */
const EXCLUSIONS = ['disabledTools', 'disabled_tools', 'excludeTools']
/** Fields for people and editors, which ask nothing of us. */
const SILENT = ['$schema', 'description', 'name', 'title', 'displayName', 'icon', '//', '_comment']
const LIMITS = ['disabled', 'users', 'tools']
/** Words in the name of a field that may limit who uses what. */
const LIMITING =
  /user|tool|disab|enab|activ|allow|den[iy]|reject|block|white|black|forbid|prohibit|filter|exclu|inclu|omit|ignor|skip|hide|hidden|visib|privat|polic|scope|restrict|permi|approv|confirm|consent|sandbox|limit|access|only|role|group|^(off|paused|suspended|status|state)$/i
/** Names that have such a word, and widen something or are about time. */
const HARMLESS =
  /^(auto|always)_?(allow|approv|accept|confirm|start|connect|load|run|enab)|time_?out|_sec$|_ms$/i

/** Passes over a field that we do not know, unless it could be meant to limit something. Throws ToolServersError. */
export const passOver = (path: Path, warn: Warn): void => {
  const name = String(path.at(-1))
  if (SILENT.includes(name)) return
  const likely = closestName(name.toLowerCase(), LIMITS)
  if (likely) throw new ToolServersError(`${render(path)} is not a known field: did you mean ${likely}?`)
  if (LIMITING.test(name) && !HARMLESS.test(name)) {
    throw new ToolServersError(
      `${render(path)} is not a known field, and may be a limit: write limits as ${LIMITS.join(', ')}`,
    )
  }
  warn(`${render(path)} is ignored`)
}

/** Renames what other programs call otherwise. `httpUrl` goes before a `url`, which is then that of another transport. */
const resolveAliases = (entry: Json, path: Path, warn: Warn): Json => {
  const resolved: Json = {}
  // A null of a limit is refused where the limit is read.
  const given = Object.entries(entry).filter(([name, value]) => value !== null || LIMITS.includes(name))
  const rank = (name: string) => (name === 'httpUrl' ? 0 : Object.hasOwn(ALIASES, name) ? 2 : 1)
  for (const [name, value] of given.sort(([a], [b]) => rank(a) - rank(b))) {
    const ours = Object.hasOwn(ALIASES, name) ? String(ALIASES[name]) : name
    const isTaken = Object.hasOwn(resolved, ours)
    if (isTaken && ours === 'enabled' && value !== resolved.enabled)
      throw new ToolServersError(`${render([...path, name])} contradicts another field: write disabled`)
    if (isTaken) warn(`${render([...path, name])} is ignored`)
    else resolved[ours] = value
  }
  return resolved
}

/** Reads `enabled` and lists of tools that are left out as the limits that they are. */
const resolveLimits = ({ enabled, ...entry }: Json, path: Path): Json => {
  // All of them, as GitHub's agents have it.
  if (Array.isArray(entry.tools) && entry.tools.length === 1 && entry.tools[0] === '*') delete entry.tools
  const tools = Object.entries(
    entry.tools === undefined ? {} : parseObject(entry.tools, [...path, 'tools']),
  ).map(([name, value]): [string, AccessEntry] => [name, parse(access, value, [...path, 'tools', name])])
  for (const name of EXCLUSIONS.filter((name) => Object.hasOwn(entry, name))) {
    const excluded = parse(z.array(text), entry[name], [...path, name])
    tools.push(...excluded.map((tool): [string, AccessEntry] => [tool, { disabled: true }]))
    delete entry[name]
  }
  const [pattern] = tools.find(([name]) => name.includes('*')) ?? []
  if (pattern !== undefined)
    throw new ToolServersError(
      `${render([...path, 'tools', pattern])} must be the name of one tool, not a pattern`,
    )
  const isOff = enabled !== undefined && !parse(z.boolean(), enabled, [...path, 'enabled'])
  return { ...entry, tools, ...(isOff && { disabled: true }) }
}

const checkType = (type: unknown, isStdio: boolean, path: Path, warn: Warn): void => {
  const name = String(type)
    .toLowerCase()
    .replace(/[^a-z]/g, '')
  const fitting = isStdio ? ['stdio', 'local'] : ['http', 'streamablehttp', 'remote']
  if (type === undefined || fitting.includes(name)) return
  const how = isStdio ? 'with a command is a process' : 'with a url is called over streamable HTTP'
  warn(`${render([...path, 'type'])} is ignored: a server ${how}`)
}

/** Reads a server's entry, also as other programs write it. Throws ToolServersError. */
export const readEntry = (value: unknown, path: Path, warn: Warn): Entry => {
  const { type, ...entry } = resolveLimits(resolveAliases(isJsonObject(value) ? value : {}, path, warn), path)
  if (Array.isArray(entry.command) && entry.command.length > 0) {
    const [command, ...args] = entry.command
    Object.assign(entry, { command, args: Array.isArray(entry.args) ? [...args, ...entry.args] : args })
  }
  const isStdio = entry.command !== undefined
  if (!isStdio && entry.url === undefined) {
    throw new ToolServersError(`${render(path)} must be an object with a command or a url`)
  }
  if (isStdio && entry.url !== undefined) {
    throw new ToolServersError(`${render(path)} must have a command or a url, not both`)
  }
  checkType(type, isStdio, path, warn)
  const schema = isStdio ? stdio : http
  for (const name of Object.keys(entry))
    if (!Object.hasOwn(schema.shape, name)) passOver([...path, name], warn)
  return { kind: isStdio ? 'stdio' : 'http', ...parse<object>(schema, entry, path) } as Entry
}

/** Reads the document's servers by name, those of VS Code's `servers` too. Throws ToolServersError. */
export const readServers = (document: unknown, warn: Warn): [path: Path, entry: unknown][] => {
  const { mcpServers: ours, servers: theirs, ...others } = parseObject(document, [])
  const [mcpServers, servers] = [ours ?? undefined, theirs ?? undefined]
  for (const name of Object.keys(others)) passOver([name], warn)
  if (mcpServers === undefined && servers === undefined) throw new ToolServersError('mcpServers is missing')
  const entries = Object.entries({ mcpServers, servers }).flatMap(([field, value]) =>
    value === undefined
      ? []
      : Object.entries(parseObject(value, [field]))
          // A comment is no server.
          .filter(([name, entry]) => isJsonObject(entry) || !SILENT.includes(name))
          .map(([name, entry]): [Path, unknown] => [[field, name], entry]),
  )
  const names = entries.map(([[, name]]) => name)
  const twice = entries.find(([[, name]], i) => names.indexOf(name) !== i)
  if (twice) throw new ToolServersError(`${render(twice[0])} is declared twice`)
  return entries
}
