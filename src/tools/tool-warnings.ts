/** Warnings about a server's tools, by message: how many tools are affected, and the names of the first few. */
export type ToolWarnings = Map<string, { count: number; tools: string[] }>

const MAX_NAMES = 10
const MAX_NAME_LENGTH = 64

/** Adds a tool to a warning, or, without a tool, a warning about the list as a whole. */
export const addWarning = (warnings: ToolWarnings, message: string, tool?: string): void => {
  const affected = warnings.get(message) ?? { count: 0, tools: [] }
  warnings.set(message, affected)
  if (tool === undefined) return
  affected.count += 1
  if (affected.tools.length < MAX_NAMES) affected.tools.push(tool.slice(0, MAX_NAME_LENGTH))
}
