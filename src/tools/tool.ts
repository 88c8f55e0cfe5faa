export interface ToolDefinition {
  /** [A-Za-z0-9_-]{1,64}, unique among the tools of a turn */
  name: string
  description: string
  /** JSON Schema of the arguments object */
  inputSchema: Record<string, unknown>
}

/** How far a call has got. */
export interface ToolProgress {
  progress: number
  /** how much there is to do */
  total?: number
  message?: string
}

export interface CallOptions {
  /** an idempotency key: a retried turn repeats the call with the same key */
  key: string
  signal: AbortSignal
  /** called for each report of the tool, however many there are */
  onProgress?: ((progress: ToolProgress) => void) | undefined
}

export interface Tool extends ToolDefinition {
  /** the name of its server in the configuration */
  server?: string
  /** whether a call has no side effects (MCP's readOnlyHint) */
  readOnly: boolean
  /**
   * Calls the tool and returns JSON data within the configured size limit. Throws ToolError, or the signal's reason when it aborts.
   */
  call(args: Record<string, unknown>, options: CallOptions): Promise<unknown>
}

/** the headers that tell a tool server of the trace that a request belongs to */
export type TraceHeaders = () => Record<string, string>

/** A failed call. The message (at most 2,000 characters) is shown to the model and the user. */
export class ToolError extends Error {}

export interface ToolRegistry {
  /**
   * Lists the tools that this user may use now. Rejects only when the signal aborts: an unreachable server contributes no tools and
   * is logged. The definitions take at most `maxBytes` as JSON; the same lists always give the same selection. `only` are the servers
   * (`SERVER`) and tools (`SERVER/TOOL`, both as the server is configured and names it) that are listed; default: all.
   */
  open(userId: string, signal: AbortSignal, maxBytes?: number, only?: readonly string[]): Promise<Tool[]>
  /** Closes connections and ends processes. */
  close(): Promise<void>
}
