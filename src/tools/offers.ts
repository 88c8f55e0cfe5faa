import type { JudgeArguments } from './argument-validation.js'
import { jsonBytes } from './mcp/result.js'
import type { ToolServer } from './mcp/server-config.js'
import { type ListedTool, nameTaken } from './mcp/tool-list.js'
import { fitting, uniqueName } from './names.js'
import { addNote, type Notes } from './notes.js'

/** How many tools a turn has at most: some providers take no more. */
export const MAX_TOOLS = 128
/** What parts a name from the rest, and a tool from the next one. */
const SEPARATOR_BYTES = 4

const invalidSchema = 'tools are left out, since the schemas of their arguments are not valid'
const tooMany = `tools are left out, since a turn has at most ${MAX_TOOLS}`
export const doNotFit = "tools are left out, since the tools of a turn may take half of the model's window"

/** The tools of a server that a turn's user may use, in its order. */
export interface ServerTools {
  server: ToolServer
  tools: readonly ListedTool[]
  /** hears why some of them are left out */
  notes: Notes
}

export interface Offer {
  /** under which the model knows it */
  name: string
  server: ToolServer
  tool: ListedTool
  judge: JudgeArguments
}

export interface OfferOptions {
  /** how many bytes the definitions of all tools may have together, as JSON */
  maxBytes: number
  /** undefined for a schema that is none */
  judgeOf(tool: ListedTool): JudgeArguments | undefined
}

const measured = new WeakMap<ListedTool, number>()

/** How many bytes its definition takes, with its name. Without that it is measured once: turns have the same tools. */
const bytesOf = (name: string, tool: ListedTool): number => {
  const { description, inputSchema } = tool
  const bytes = measured.get(tool) ?? jsonBytes([description, inputSchema])
  measured.set(tool, bytes)
  return bytes + jsonBytes(name) + SEPARATOR_BYTES
}

/**
 * Parts an amount so that everybody gets what they ask for, or as much as anybody else (max-min fairness): a server with many
 * tools, or long ones, takes nothing from those with few.
 */
export const fairShares = (demands: readonly number[], amount: number): number[] => {
  const shares = demands.map(() => 0)
  const smallestFirst = [...demands.keys()].sort((a, b) => (demands[a] ?? 0) - (demands[b] ?? 0))
  let left = amount
  for (const [i, n] of smallestFirst.entries()) {
    const share = Math.min(demands[n] ?? 0, left / (smallestFirst.length - i))
    shares[n] = share
    left -= share
  }
  return shares
}

/**
 * Chooses the tools of a turn: in the order of the servers and their lists, and the same ones from the same lists. A tool that does
 * not fit is passed over, and those after it may fit.
 */
export const chooseTools = (
  servers: readonly ServerTools[],
  { maxBytes, judgeOf }: OfferOptions,
): Offer[] => {
  const demandOf = ({ server, tools }: ServerTools): number =>
    // By the longest name that each may get.
    tools.reduce((sum, tool) => sum + bytesOf(fitting(`${server.name}_${tool.name}`), tool), 0)
  const bytes = fairShares(servers.map(demandOf), maxBytes)
  const counts = fairShares(
    servers.map(({ tools }) => tools.length),
    MAX_TOOLS,
  )
  const taken = new Map<string, Offer>()
  for (const [i, { server, tools, notes }] of servers.entries()) {
    let bytesLeft = bytes[i] ?? 0
    let countLeft = Math.floor(counts[i] ?? 0)
    for (const tool of tools) {
      const name = uniqueName(server.name, tool.name, taken)
      const size = bytesOf(name ?? '', tool)
      const bound = countLeft === 0 ? tooMany : size > bytesLeft ? doNotFit : undefined
      // Last, since a schema takes a millisecond or more to compile, and servers may list a thousand.
      const judge = name === undefined || bound ? undefined : judgeOf(tool)
      if (name === undefined || !judge) {
        addNote(notes, name === undefined ? nameTaken : (bound ?? invalidSchema), tool.name)
        continue
      }
      taken.set(name, { name, server, tool, judge })
      bytesLeft -= size
      countLeft -= 1
    }
  }
  return [...taken.values()]
}
