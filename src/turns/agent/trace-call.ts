import type { ToolCall } from '../../models/model.js'
import { type Tool, ToolError } from '../../tools/tool.js'
import { toolSpan } from '../../tracing/conventions.js'
import type { Tracing } from '../../tracing/tracing.js'

/** The conventions for MCP call what a server reports `tool_error`. A turn that its user has cancelled is no failure. */
const failureOf = (error: unknown): string | undefined => {
  if (error instanceof ToolError) return 'tool_error'
  if (typeof error === 'string') return error === 'cancel' ? undefined : error
  return error instanceof Error ? error.name : 'error'
}

/** Makes a tool call in a span of its own. */
export const traceCall = (
  tracing: Tracing | undefined,
  tool: Tool,
  call: ToolCall,
  make: () => Promise<unknown>,
): Promise<unknown> => {
  if (!tracing) return make()
  return tracing.trace(
    toolSpan(tool, call.id),
    async (span) => {
      if (tracing.capturesContent) span.set({ 'gen_ai.tool.call.arguments': JSON.stringify(call.arguments) })
      const result = await make()
      if (tracing.capturesContent) span.set({ 'gen_ai.tool.call.result': JSON.stringify(result ?? null) })
      return result
    },
    failureOf,
  )
}
