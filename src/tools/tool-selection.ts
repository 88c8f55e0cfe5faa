import { type ArgumentValidator, acceptAll, invalidField } from './argument-validation.js'
import { jsonBytes } from './mcp/result.js'
import type { ToolServer } from './mcp/server-config.js'
import { argumentsUnchecked, fieldOf, type ListedTool, nameTaken, schemaInvalid } from './mcp/tool-list.js'
import { longestName, uniqueName } from './tool-names.js'
import { addWarning, type ToolWarnings } from './tool-warnings.js'

/** The most tools that every provider accepts in a request. */
const MAX_TOOLS = 128
/** JSON punctuation between a tool's name and the rest of its definition, and between two tools. */
const SEPARATOR_BYTES = 4

const tooManyTools = `tools skipped because a turn offers at most ${MAX_TOOLS} tools`
const overBudget = "tools skipped because a turn's tools may take half of the model's window"

/** The tools of one server that the turn's user may use, in the server's order. */
export interface ServerTools {
  server: ToolServer
  tools: readonly ListedTool[]
  /** collects why tools are skipped */
  warnings: ToolWarnings
}

export interface SelectedTool {
  /** the name that the model sees */
  name: string
  server: ToolServer
  tool: ListedTool
  validate: ArgumentValidator
}

export interface SelectionOptions {
  /** the limit for all tool definitions together, as JSON */
  maxBytes: number
  /** Returns undefined when the tool's input schema is invalid. */
  validatorFor(tool: ListedTool): ArgumentValidator | undefined
}

const measured = new WeakMap<ListedTool, number>()

/** The size of a tool's definition as JSON. Turns share the listed tools, so all but the name is measured once. */
const definitionBytes = (name: string, tool: ListedTool): number => {
  const { description, inputSchema } = tool
  const bytes = measured.get(tool) ?? jsonBytes([description, inputSchema])
  measured.set(tool, bytes)
  return bytes + jsonBytes(name) + SEPARATOR_BYTES
}

/**
 * Divides a capacity by max-min fairness: small demands are met in full, and the rest is split evenly among the larger ones. So a
 * server with many or long tools takes nothing from a server with few.
 */
export const maxMinFairShares = (demands: readonly number[], capacity: number): number[] => {
  const shares = demands.map(() => 0)
  const smallestFirst = [...demands.keys()].sort((a, b) => (demands[a] ?? 0) - (demands[b] ?? 0))
  let left = capacity
  for (const [i, n] of smallestFirst.entries()) {
    const share = Math.min(demands[n] ?? 0, left / (smallestFirst.length - i))
    shares[n] = share
    left -= share
  }
  return shares
}

/**
 * Selects the tools of a turn, in the order of the servers and their lists. The selection is deterministic. A tool that exceeds its
 * server's share is skipped; a smaller one after it may still fit.
 */
export const selectTools = (
  servers: readonly ServerTools[],
  { maxBytes, validatorFor }: SelectionOptions,
): SelectedTool[] => {
  const demandOf = ({ server, tools }: ServerTools): number =>
    // Measured with the longest name that a tool may be given.
    tools.reduce((sum, tool) => sum + definitionBytes(longestName(server.name, tool.name), tool), 0)
  const byteShares = maxMinFairShares(servers.map(demandOf), maxBytes)
  const countShares = maxMinFairShares(
    servers.map(({ tools }) => tools.length),
    MAX_TOOLS,
  )
  const selected = new Map<string, SelectedTool>()
  for (const [i, { server, tools, warnings }] of servers.entries()) {
    let bytesLeft = byteShares[i] ?? 0
    let countLeft = Math.floor(countShares[i] ?? 0)
    for (const tool of tools) {
      const name = uniqueName(server.name, tool.name, selected)
      const bytes = definitionBytes(name ?? '', tool)
      const exceeded = countLeft === 0 ? tooManyTools : bytes > bytesLeft ? overBudget : undefined
      // Last, because compiling a schema takes a millisecond or more and a server may list a thousand tools.
      const validate = name === undefined || exceeded ? undefined : validatorFor(tool)
      if (name === undefined || exceeded) {
        addWarning(warnings, name === undefined ? nameTaken : (exceeded ?? ''), tool.name)
        continue
      }
      if (!validate) {
        addWarning(warnings, schemaInvalid, fieldOf(tool.name, invalidField(tool.inputSchema)))
        continue
      }
      // Turns share the listed tools, so this is said once.
      if (validate === acceptAll && tool.isChecked) {
        tool.isChecked = false
        addWarning(warnings, argumentsUnchecked, fieldOf(tool.name, 'inputSchema'))
      }
      selected.set(name, { name, server, tool, validate })
      bytesLeft -= bytes
      countLeft -= 1
    }
  }
  return [...selected.values()]
}
