import { untilAborted } from '../concurrency/until-aborted.js'
import { type ArgumentValidator, acceptAll, createArgumentValidators } from './argument-validation.js'
import type { McpClient } from './mcp/client.js'
import { ResponseTooLargeError } from './mcp/errors.js'
import { toToolResult, truncateErrorText } from './mcp/result.js'
import { isAllowed, sendsUserToken, type ToolServer } from './mcp/server-config.js'
import type { Session } from './mcp/session.js'
import { createSessionPool } from './mcp/session-pool.js'
import type { ListedTool, ToolList } from './mcp/tool-list.js'
import { createUserTokenSigner, type SigningKey } from './signing-keys.js'
import { type Tool, ToolError, type ToolRegistry, type TraceHeaders } from './tool.js'
import { type SelectedTool, type ServerTools, selectTools } from './tool-selection.js'
import type { ToolWarnings } from './tool-warnings.js'

const MAX_SESSIONS = 1_000
const CONNECT_MS = 5_000
/** How long the same failure of a server is not logged again. */
const REPEAT_WARNING_MS = 10 * 60_000

export interface ToolRegistryOptions {
  servers: readonly ToolServer[]
  /** the first key signs user tokens */
  keys: readonly SigningKey[]
  maxResultBytes: number
  /** the limit for a turn's tool definitions, for the model with the largest window */
  maxToolBytes?: number
  /** the `only` of the assistants; what none of them takes of a list, nor a turn that takes all, is not kept */
  selections?: readonly (readonly string[])[]
  log: { warn(fields: object, text: string): void }
  /** default: tool servers are told of no trace */
  traceHeaders?: TraceHeaders | undefined
  /** where the standard error of stdio servers goes */
  stderr?: 'ignore' | 'inherit'
  maxSessions?: number
  /** the time limit for connecting to a server, and for listing its tools */
  connectMs?: number
  /** monotonic clock, in milliseconds */
  now?: () => number
}

/** A server's tools as listed, for a check of the configuration. */
export interface ServerInspection extends ToolList {
  /** the tools that a turn gets, apart from those of other users */
  offered: ListedTool[]
  /** tools named in the configuration that the server does not have */
  missing: string[]
}

export interface McpToolRegistry extends ToolRegistry {
  /** Lists a server's tools on behalf of a user. Throws ServerUnavailableError with the reason. */
  inspect(server: ToolServer, userId: string): Promise<ServerInspection>
}

/** Whether a server has something, or a tool is, among `only`; see ToolRegistry.open. */
const isAmong = (only: readonly string[] | undefined, server: string, tool?: string): boolean =>
  only === undefined ||
  only.includes(server) ||
  (tool === undefined
    ? only.some((entry) => entry.startsWith(`${server}/`))
    : only.includes(`${server}/${tool}`))

/** The tools that an `only` names of a server, and that the server does not have. */
export const missingChoices = (
  only: readonly string[],
  server: string,
  tools: readonly Pick<ListedTool, 'name'>[],
): string[] =>
  [...new Set(only)]
    .filter((entry) => entry.startsWith(`${server}/`))
    .map((entry) => entry.slice(server.length + 1))
    .filter((name) => !tools.some((tool) => tool.name === name))

/** Offers the tools of the configured MCP servers; each call is made on behalf of the turn's user. */
export const createToolRegistry = (options: ToolRegistryOptions): McpToolRegistry => {
  const { servers, keys, maxResultBytes, log, stderr = 'ignore', now = () => performance.now() } = options
  const { maxToolBytes = Number.POSITIVE_INFINITY, selections = [] } = options
  const [signingKey] = keys
  const signUserToken = signingKey && createUserTokenSigner(signingKey)
  if (!signUserToken && servers.some(sendsUserToken))
    throw new Error('a tool server needs user tokens, but there is no key to sign them')
  const compileValidator = createArgumentValidators()
  const validators = new WeakMap<ListedTool, ArgumentValidator | undefined>()
  const validatorFor = (tool: ListedTool): ArgumentValidator | undefined => {
    if (!validators.has(tool)) {
      const validator = compileValidator(tool.inputSchema)
      // Also the schema of a tool whose arguments are not checked has to be valid for its provider.
      validators.set(tool, validator && !tool.isChecked ? acceptAll : validator)
    }
    return validators.get(tool)
  }
  const sessions = createSessionPool(options.maxSessions ?? MAX_SESSIONS, now)
  const loggedAt = new Map<string, number>()

  /** Logs a warning once, or again after `repeatMs`. */
  const warn = (fields: Record<string, unknown>, text: string, repeatMs = Number.POSITIVE_INFINITY): void => {
    const key = JSON.stringify([fields.server, fields.tool, fields.reason, text])
    if (now() - (loggedAt.get(key) ?? Number.NEGATIVE_INFINITY) < repeatMs) return
    loggedAt.set(key, now())
    log.warn(fields, text)
  }
  const logWarnings = ({ name: server }: ToolServer, warnings: ToolWarnings): void => {
    for (const [message, { count, tools }] of warnings) {
      warn({ server, ...(count > 0 && { count, tools }) }, message)
    }
  }

  const missingTools = (server: ToolServer, tools: ListedTool[]): string[] =>
    [...server.tools.keys()].filter((name) => !tools.some((tool) => tool.name === name))

  const isToolAllowed = (server: ToolServer, tool: ListedTool, userId: string): boolean => {
    const access = server.tools.get(tool.name)
    return access === undefined || isAllowed(access, userId)
  }

  /** Those that would be skipped only among all tools. Turns judge and warn of them when they take them. */
  const toolsOfSelection = (server: ToolServer, allowed: readonly ListedTool[], only: readonly string[]) =>
    selectTools(
      [
        {
          server,
          tools: allowed.filter(({ name }) => isAmong(only, server.name, name)),
          warnings: new Map(),
        },
      ],
      { maxBytes: maxToolBytes, validatorFor: (tool) => validatorFor(tool) && (() => []) },
    )

  /** Reduces a list to what the session has to keep. A process serves all users, so its list stays whole. */
  const reduceList = (server: ToolServer, userId: string, list: ToolList): ToolList => {
    for (const tool of missingTools(server, list.tools)) {
      warn({ server: server.name, tool }, 'the configuration names a tool that its server does not have')
    }
    for (const tool of missingChoices(selections.flat(), server.name, list.tools)) {
      warn({ server: server.name, tool }, 'an assistant names a tool that its server does not have')
    }
    if (server.kind === 'stdio') return list
    const allowed = list.tools.filter((tool) => isToolAllowed(server, tool, userId))
    const kept = new Set(
      [
        ...selectTools([{ ...list, server, tools: allowed }], { maxBytes: maxToolBytes, validatorFor }),
        ...selections.flatMap((only) => toolsOfSelection(server, allowed, only)),
      ].map(({ tool }) => tool),
    )
    return { tools: allowed.filter((tool) => kept.has(tool)), warnings: list.warnings }
  }

  const logUnavailable = (server: ToolServer, error: Error): void => {
    const repeatMs = error.cause instanceof ResponseTooLargeError ? undefined : REPEAT_WARNING_MS
    warn({ server: server.name, reason: error.message }, 'tool server unavailable', repeatMs)
  }

  const sessionFor = (
    server: ToolServer,
    userId: string,
    transformList = (list: ToolList) => reduceList(server, userId, list),
  ): Session => {
    const isProcess = server.kind === 'stdio'
    return sessions.get(JSON.stringify(isProcess ? [server.name] : [server.name, userId]), {
      // A hung process would otherwise stay hung for every user.
      closeOnListFailure: isProcess,
      connectMs: options.connectMs ?? CONNECT_MS,
      onUnavailable: (error) => logUnavailable(server, error),
      onLostCall: (reason) =>
        log.warn(
          { server: server.name, reason },
          'tool call lost: the server may or may not have executed it',
        ),
      async connect(signal): Promise<McpClient> {
        // Loads the MCP SDK only where tools are configured.
        const { connectClient } = await import('./mcp/client.js')
        const client = await connectClient(server, {
          signUserToken:
            signUserToken && sendsUserToken(server)
              ? () => signUserToken(userId, server.audience)
              : undefined,
          traceHeaders: options.traceHeaders,
          // Room for JSON escapes, and for a result that is sent twice: as text and as structured content.
          maxResponseBytes: 4 * maxResultBytes + 2 ** 20,
          stderr,
          signal,
        })
        return { ...client, list: async (signal) => transformList(await client.list(signal)) }
      },
    })
  }

  const listTools = async (
    server: ToolServer,
    userId: string,
    only: readonly string[] | undefined,
  ): Promise<ServerTools> => {
    if (!isAllowed(server, userId)) return { server, tools: [], warnings: new Map() }
    // An unavailable server contributes no tools; the session has logged why.
    const list = await sessionFor(server, userId)
      .tools()
      .catch(() => undefined)
    const tools = (list?.tools ?? []).filter(
      (tool) => isToolAllowed(server, tool, userId) && isAmong(only, server.name, tool.name),
    )
    return { server, tools, warnings: structuredClone(list?.warnings ?? new Map()) }
  }

  const toTool = ({ name, server, tool, validate }: SelectedTool, userId: string): Tool => ({
    ...tool,
    name,
    server: server.name,
    async call(args, options) {
      const errors = validate(args)
      if (errors.length > 0) throw new ToolError(truncateErrorText(`Invalid arguments: ${errors.join('; ')}`))
      return toToolResult(await sessionFor(server, userId).call({ ...options, tool, args }), maxResultBytes)
    },
  })

  return {
    async open(userId, signal, maxBytes = maxToolBytes, only) {
      const listed = servers.filter(({ name }) => isAmong(only, name))
      const listing = Promise.all(listed.map((server) => listTools(server, userId, only)))
      const found = await untilAborted(listing, signal)
      const selected = selectTools(found, { maxBytes, validatorFor })
      for (const { server, warnings } of found) logWarnings(server, warnings)
      return selected.map((selection) => toTool(selection, userId))
    },
    async inspect(server, userId) {
      const { tools, warnings } = await sessionFor(server, userId, (list) => list).tools()
      const enabled = tools.filter(({ name }) => !server.tools.get(name)?.disabled)
      const listed = { server, tools: enabled, warnings }
      const selected = selectTools([listed], { maxBytes: maxToolBytes, validatorFor })
      const offered = selected.map(({ tool }) => tool)
      return { tools, offered, warnings, missing: missingTools(server, tools) }
    },
    close: () => sessions.close(),
  }
}
