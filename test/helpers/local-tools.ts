import { type Tool, ToolError, type ToolProgress, type ToolRegistry } from '../../src/tools/tool.js'

export interface Called {
  user: string
  name: string
  args: Record<string, unknown>
  key: string
}

export interface LocalTools extends ToolRegistry {
  /** every call that was made, in order */
  calls: Called[]
  /** how often somebody asked for the tools */
  opened(): number
}

type Work = (
  args: Record<string, unknown>,
  signal: AbortSignal,
  onProgress: (progress: ToolProgress) => void,
) => unknown

interface LocalTool {
  readOnly?: boolean
  inputSchema?: Record<string, unknown>
  work: Work
}

/** Tools that are functions of the test. */
export const localTools = (tools: Record<string, LocalTool>): LocalTools => {
  const calls: Called[] = []
  let opened = 0
  return {
    calls,
    opened: () => opened,
    async open(user) {
      opened += 1
      return Object.entries(tools).map(
        ([name, { readOnly = false, inputSchema = { type: 'object' }, work }]): Tool => ({
          name,
          description: `Does what ${name} says.`,
          inputSchema,
          readOnly,
          async call(args, { key, signal, onProgress = () => {} }) {
            calls.push({ user, name, args, key })
            return work(args, signal, onProgress)
          },
        }),
      )
    },
    async close() {},
  }
}

export const refusing =
  (reason: string): Work =>
  () => {
    throw new ToolError(reason)
  }
