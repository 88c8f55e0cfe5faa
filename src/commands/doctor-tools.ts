import { closestName } from '../closest-name.js'
import type { Config } from '../config.js'
import { toLogText } from '../http/log-text.js'
import { type Access, type HttpServer, sendsUserToken, type ToolServer } from '../tools/mcp/server-config.js'
import { offeredAnyway } from '../tools/mcp/tool-list.js'
import { missingChoices } from '../tools/registry.js'
import type { SigningKey } from '../tools/signing-keys.js'
import type { ToolWarnings } from '../tools/tool-warnings.js'
import { estimateTools } from '../turns/agent/history-window.js'
import { errorMessage } from './error-message.js'
import { withTools } from './tools.js'

/** The user id for which doctor lists tools; not a user of the app. */
const doctorUser = 'doctor'

/** The restrictions of a server or a tool, in parentheses. */
const describeAccess = (access: Access | undefined): string => {
  if (access?.disabled) return ' (disabled)'
  return access?.users ? ` (for ${[...access.users].join(', ') || 'nobody'})` : ''
}

/** What a server that refuses our tokens has to accept. */
const describeUserTokens = ({ audience }: HttpServer, [key]: SigningKey[]): string =>
  `its tokens from Colloquy have iss colloquy, aud ${audience} and sub ${doctorUser}, and a running server publishes their key ${key?.kid}`

const describeWarnings = (warnings: ToolWarnings): string =>
  [...warnings]
    .map(([message, { count, tools }]) => {
      const names = tools.map(toLogText).join(', ')
      return count === 0 ? message : `${count} ${message}: ${names}${count > tools.length ? ' …' : ''}`
    })
    .join('; ')

/** What assistants name in vain of a server's tools. */
const describeMissingChoices = (
  { assistants }: Config,
  server: ToolServer,
  tools: readonly { name: string }[],
): string[] =>
  assistants.flatMap(({ name, tools: only = [] }) =>
    missingChoices(only, server.name, tools).map((tool) => {
      const likely = closestName(
        tool,
        tools.map(({ name }) => name),
      )
      const hint = likely === undefined ? '' : ` (did you mean ${toLogText(likely)}?)`
      return `the assistant ${name} has the tool ${toLogText(tool)}${hint}, which the server does not have`
    }),
  )

/** What doctor finds out about a tool server: resolves with the line's text, and rejects with what is wrong. */
export const checkTools = (config: Config, server: ToolServer): Promise<string> | string => {
  if (server.disabled) return 'disabled'
  return withTools({ ...config, toolServers: [server] }, async ({ registry, keys }) => {
    const { tools, offered, missing, warnings } = await registry
      .inspect(server, doctorUser)
      .catch((error: unknown) => {
        const isRefused = /answered 40[13]$/.test(errorMessage(error)) && sendsUserToken(server)
        throw new Error(
          isRefused ? `${errorMessage(error)}; ${describeUserTokens(server, keys)}` : errorMessage(error),
        )
      })
    const notes = warnings.size > 0 ? `; ${describeWarnings(warnings)}` : ''
    const choices = describeMissingChoices(config, server, tools)
    if (choices.length > 0) throw new Error(`${choices.join('; ')}${notes}`)
    if (missing.length > 0)
      throw new Error(`the server does not have these configured tools: ${missing.join(', ')}${notes}`)
    const isLeftOut = [...warnings.keys()].some((message) => !offeredAnyway.has(message))
    const count = `${offered.length} ${offered.length === 1 ? 'tool' : 'tools'}`
    if (isLeftOut) throw new Error(`${count}${notes}`)
    if (tools.length === 0) return 'no tools'
    const names = tools.map(({ name }) => `${toLogText(name)}${describeAccess(server.tools.get(name))}`)
    return `${count} of about ${estimateTools(offered)} tokens${describeAccess(server)}: ${names.join(', ')}${notes}`
  })
}
