import { untilAborted } from '../concurrency/until-aborted.js'
import { argumentJudges, type JudgeArguments } from './arguments.js'
import type { ListedTool } from './connection.js'
import { type ToolKey, userTokens } from './keys.js'
import { uniqueName } from './names.js'
import { resultOf, shortened } from './result.js'
import { allows, carriesUser, type ToolServer } from './servers.js'
import type { Session } from './session.js'
import { createSessions } from './sessions.js'
import { type Tool, ToolError, type ToolSource } from './tool.js'

const MAX_SESSIONS = 1_000
const MAX_TOOLS_OF_SERVER = 1_000
const MAX_TOOLS = 128

export interface ToolSourceOptions {
  servers: readonly ToolServer[]
  /** the first signs the tokens of users */
  keys: readonly ToolKey[]
  maxResultBytes: number
  log: { warn(fields: object, text: string): void }
  /** what becomes of the standard error of servers that are processes */
  stderr?: 'ignore' | 'inherit'
  maxSessions?: number
  /** milliseconds of a clock that never goes back */
  now?: () => number
}

/** What a server says of itself, for a check of the configuration. */
export interface Inspection {
  tools: ListedTool[]
  /** tools that the configuration limits and the server does not have */
  missing: string[]
}

export interface ConfiguredTools extends ToolSource {
  /** Asks a server for its tools in the name of a user; throws Unavailable, with the reason. */
  inspect(server: ToolServer, userId: string): Promise<Inspection>
}

interface Offer {
  server: ToolServer
  tool: ListedTool
}

const isFor = ({ server, tool }: Offer, userId: string): boolean => {
  const limits = server.tools.get(tool.name)
  return limits === undefined || allows(limits, userId)
}

/** The tools of the configured servers, each called in the name of the user whom a turn is for. */
export const createToolSource = (options: ToolSourceOptions): ConfiguredTools => {
  const { servers, keys, maxResultBytes, log, stderr = 'ignore', now = () => performance.now() } = options
  const [signing] = keys
  const tokenOf = signing && userTokens(signing)
  if (!tokenOf && servers.some(carriesUser))
    throw new Error('a tool server needs tokens, and there is no key')
  const judgeOf = argumentJudges()
  const sessions = createSessions(options.maxSessions ?? MAX_SESSIONS, now)
  const judges = new WeakMap<ListedTool, JudgeArguments | undefined>()
  const told = new Set<string>()

  const tellOnce = (server: ToolServer, tool: string, text: string): void => {
    const key = `${server.name} ${tool} ${text}`
    if (told.has(key)) return
    if (told.size >= MAX_TOOLS_OF_SERVER) told.clear()
    told.add(key)
    log.warn({ server: server.name, tool }, text)
  }

  const sessionOf = (server: ToolServer, userId: string): Session => {
    const isProcess = server.kind === 'stdio'
    return sessions.get(JSON.stringify(isProcess ? [server.name] : [server.name, userId]), {
      // A process that hangs would go on doing so for everybody.
      endsAtOnce: isProcess,
      failed: (reason) => log.warn({ server: server.name, reason }, 'a tool server cannot be used'),
      lost: (reason) => log.warn({ server: server.name, reason }, 'a call of a tool was lost'),
      async connect(signal) {
        // Loaded only where there are tools.
        const { connect } = await import('./connection.js')
        return connect(server, {
          token: tokenOf && carriesUser(server) ? () => tokenOf(userId, server.audience) : undefined,
          // JSON may say a thing longer than need be, and twice: as text and as data.
          maxAnswerBytes: 4 * maxResultBytes + 2 ** 20,
          stderr,
          signal,
        })
      },
    })
  }

  const missingOf = (server: ToolServer, listed: ListedTool[]): string[] =>
    [...server.tools.keys()].filter((name) => !listed.some((tool) => tool.name === name))

  const offersOf = (server: ToolServer, listed: ListedTool[]): Offer[] => {
    for (const name of missingOf(server, listed)) {
      tellOnce(server, name, 'the configuration names a tool that its server does not have')
    }
    if (listed.length > MAX_TOOLS_OF_SERVER)
      tellOnce(server, '', 'a server has too many tools: some are left out')
    return listed.slice(0, MAX_TOOLS_OF_SERVER).map((tool) => ({ server, tool }))
  }

  const offersFor = async (server: ToolServer, userId: string): Promise<Offer[]> => {
    if (!allows(server, userId)) return []
    // What it has is not known while it cannot be asked, and why is in the log.
    const listed = await sessionOf(server, userId)
      .tools()
      .catch(() => undefined)
    return listed ? offersOf(server, listed).filter((offer) => isFor(offer, userId)) : []
  }

  const judgeOfTool = (tool: ListedTool): JudgeArguments | undefined => {
    if (!judges.has(tool)) judges.set(tool, judgeOf(tool.inputSchema))
    return judges.get(tool)
  }

  const toolOf = (
    { server, tool }: Offer,
    { name, userId, judge }: { name: string; userId: string; judge: JudgeArguments },
  ): Tool => ({
    name,
    description: tool.description ?? tool.title ?? '',
    inputSchema: tool.inputSchema,
    readOnly: tool.annotations?.readOnlyHint ?? false,
    async call(args, { key, signal }) {
      const faults = judge(args)
      if (faults.length > 0)
        throw new ToolError(shortened(`The arguments do not fit the tool: ${faults.join('; ')}`))
      return resultOf(await sessionOf(server, userId).call({ tool, args, key, signal }), maxResultBytes)
    },
  })

  const named = (offered: Offer[], userId: string): Tool[] => {
    const tools = new Map<string, Tool>()
    for (const offer of offered) {
      const { server, tool } = offer
      const leaveOut = (why: string) => tellOnce(server, tool.name, `a tool is left out: ${why}`)
      const name = uniqueName(server.name, tool.name, tools)
      // In this order, since a schema takes a millisecond or more to compile, and servers may list a thousand.
      if (name === undefined) leaveOut('its name is taken')
      else if (tools.size === MAX_TOOLS) leaveOut(`a turn has at most ${MAX_TOOLS}`)
      else {
        const judge = judgeOfTool(tool)
        if (judge) tools.set(name, toolOf(offer, { name, userId, judge }))
        else leaveOut('the schema of its arguments is none')
      }
    }
    return [...tools.values()]
  }

  return {
    async open(userId, signal) {
      const offering = Promise.all(servers.map((server) => offersFor(server, userId)))
      return named((await untilAborted(offering, signal)).flat(), userId)
    },
    async inspect(server, userId) {
      const listed = await sessionOf(server, userId).tools()
      return { tools: listed, missing: missingOf(server, listed) }
    },
    close: () => sessions.close(),
  }
}
