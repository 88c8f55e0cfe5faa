import { untilAborted } from '../concurrency/until-aborted.js'
import { argumentJudges, type JudgeArguments } from './argument-validation.js'
import type { Connection } from './mcp/client.js'
import { TooLarge } from './mcp/errors.js'
import { resultOf, shortened } from './mcp/result.js'
import { allows, carriesUser, type ToolServer } from './mcp/server-config.js'
import type { Session } from './mcp/session.js'
import { createSessions } from './mcp/session-pool.js'
import type { ListedTool, Listing } from './mcp/tool-list.js'
import type { Notes } from './notes.js'
import { chooseTools, type Offer, type ServerTools } from './offers.js'
import { type ToolKey, userTokens } from './signing-keys.js'
import { type Tool, ToolError, type ToolSource } from './tool.js'

const MAX_SESSIONS = 1_000
const CONNECT_MS = 5_000
/** How often the log says again that a server cannot be used, for the same reason. */
const SAY_AGAIN_MS = 10 * 60_000

export interface ToolSourceOptions {
  servers: readonly ToolServer[]
  /** the first signs the tokens of users */
  keys: readonly ToolKey[]
  maxResultBytes: number
  /** how many bytes the definitions of a turn's tools may have for the model that takes most */
  maxToolBytes?: number
  log: { warn(fields: object, text: string): void }
  /** what becomes of the standard error of servers that are processes */
  stderr?: 'ignore' | 'inherit'
  maxSessions?: number
  /** how long a server may take to connect and to list its tools */
  connectMs?: number
  /** milliseconds of a clock that never goes back */
  now?: () => number
}

/** What a server says of itself, for a check of the configuration. */
export interface Inspection extends Listing {
  /** tools that the configuration limits and the server does not have */
  missing: string[]
}

export interface ConfiguredTools extends ToolSource {
  /** Asks a server for its tools in the name of a user; throws Unavailable, with the reason. */
  inspect(server: ToolServer, userId: string): Promise<Inspection>
}

/** The tools of the configured servers, each called in the name of the user whom a turn is for. */
export const createToolSource = (options: ToolSourceOptions): ConfiguredTools => {
  const { servers, keys, maxResultBytes, log, stderr = 'ignore', now = () => performance.now() } = options
  const { maxToolBytes = Number.POSITIVE_INFINITY } = options
  const [signing] = keys
  const tokenOf = signing && userTokens(signing)
  if (!tokenOf && servers.some(carriesUser))
    throw new Error('a tool server needs tokens, and there is no key')
  const judgeSchema = argumentJudges()
  const judges = new WeakMap<ListedTool, JudgeArguments | undefined>()
  const judgeOf = (tool: ListedTool): JudgeArguments | undefined => {
    if (!judges.has(tool)) judges.set(tool, judgeSchema(tool.inputSchema))
    return judges.get(tool)
  }
  const sessions = createSessions(options.maxSessions ?? MAX_SESSIONS, now)
  const saidAt = new Map<string, number>()

  /** Warns of a thing once, or again after a while. */
  const warn = (fields: Record<string, unknown>, text: string, againMs = Number.POSITIVE_INFINITY): void => {
    const key = JSON.stringify([fields.server, fields.tool, fields.reason, text])
    if (now() - (saidAt.get(key) ?? Number.NEGATIVE_INFINITY) < againMs) return
    saidAt.set(key, now())
    log.warn(fields, text)
  }
  const warnOf = ({ name: server }: ToolServer, notes: Notes): void => {
    for (const [cause, { count, tools }] of notes) warn({ server, ...(count > 0 && { count, tools }) }, cause)
  }

  const missingOf = (server: ToolServer, tools: ListedTool[]): string[] =>
    [...server.tools.keys()].filter((name) => !tools.some((tool) => tool.name === name))

  const isFor = (server: ToolServer, tool: ListedTool, userId: string): boolean => {
    const limits = server.tools.get(tool.name)
    return limits === undefined || allows(limits, userId)
  }

  /** What is kept of a list while its session lasts. A process serves everybody, so that there is one list of it. */
  const keep = (server: ToolServer, userId: string, listing: Listing): Listing => {
    for (const tool of missingOf(server, listing.tools)) {
      warn({ server: server.name, tool }, 'the configuration names a tool that its server does not have')
    }
    warnOf(server, listing.notes)
    if (server.kind === 'stdio') return { tools: listing.tools, notes: new Map() }
    const tools = listing.tools.filter((tool) => isFor(server, tool, userId))
    const mine = { server, tools, notes: new Map() }
    const chosen = chooseTools([mine], { maxBytes: maxToolBytes, judgeOf })
    return { tools: chosen.map(({ tool }) => tool), notes: mine.notes }
  }

  const failed = (server: ToolServer, error: Error): void => {
    const againMs = error.cause instanceof TooLarge ? undefined : SAY_AGAIN_MS
    warn({ server: server.name, reason: error.message }, 'a tool server cannot be used', againMs)
  }

  const sessionOf = (
    server: ToolServer,
    userId: string,
    kept = (listing: Listing) => keep(server, userId, listing),
  ): Session => {
    const isProcess = server.kind === 'stdio'
    return sessions.get(JSON.stringify(isProcess ? [server.name] : [server.name, userId]), {
      // A process that hangs would go on doing so for everybody.
      endsAtOnce: isProcess,
      connectMs: options.connectMs ?? CONNECT_MS,
      failed: (error) => failed(server, error),
      lost: (reason) => log.warn({ server: server.name, reason }, 'a call of a tool was lost'),
      async connect(signal): Promise<Connection> {
        // Loaded only where there are tools.
        const { connect } = await import('./mcp/client.js')
        const connection = await connect(server, {
          token: tokenOf && carriesUser(server) ? () => tokenOf(userId, server.audience) : undefined,
          // JSON may say a thing longer than need be, and twice: as text and as data.
          maxAnswerBytes: 4 * maxResultBytes + 2 ** 20,
          stderr,
          signal,
        })
        return { ...connection, list: async (signal) => kept(await connection.list(signal)) }
      },
    })
  }

  const toolsFor = async (server: ToolServer, userId: string): Promise<ServerTools> => {
    if (!allows(server, userId)) return { server, tools: [], notes: new Map() }
    // What it has is not known while it cannot be asked, and why is in the log.
    const listing = await sessionOf(server, userId)
      .tools()
      .catch(() => undefined)
    const tools = (listing?.tools ?? []).filter((tool) => isFor(server, tool, userId))
    return { server, tools, notes: structuredClone(listing?.notes ?? new Map()) }
  }

  const toolOf = ({ name, server, tool, judge }: Offer, userId: string): Tool => ({
    ...tool,
    name,
    async call(args, { key, signal }) {
      const faults = judge(args)
      if (faults.length > 0)
        throw new ToolError(shortened(`The arguments do not fit the tool: ${faults.join('; ')}`))
      return resultOf(await sessionOf(server, userId).call({ tool, args, key, signal }), maxResultBytes)
    },
  })

  return {
    async open(userId, signal, maxBytes = maxToolBytes) {
      const asking = Promise.all(servers.map((server) => toolsFor(server, userId)))
      const found = await untilAborted(asking, signal)
      const offers = chooseTools(found, { maxBytes, judgeOf })
      for (const { server, notes } of found) warnOf(server, notes)
      return offers.map((offer) => toolOf(offer, userId))
    },
    async inspect(server, userId) {
      const { tools, notes } = await sessionOf(server, userId, (listing) => listing).tools()
      const usable = tools.filter(({ name }) => !server.tools.get(name)?.disabled)
      chooseTools([{ server, tools: usable, notes }], { maxBytes: maxToolBytes, judgeOf })
      return { tools, notes, missing: missingOf(server, tools) }
    },
    close: () => sessions.close(),
  }
}
