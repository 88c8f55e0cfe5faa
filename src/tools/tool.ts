export interface ToolDefinition {
  /** [A-Za-z0-9_-]{1,64}, unique among the tools of a turn */
  name: string
  description: string
  /** JSON Schema of the arguments, an object's */
  inputSchema: Record<string, unknown>
}

export interface Tool extends ToolDefinition {
  /** whether calling it changes nothing (MCP's readOnlyHint) */
  readOnly: boolean
  /**
   * Calls it. Gives JSON data within the cap of bytes; throws ToolError otherwise, and the signal's reason when that
   * aborts. `key` stays the same when a retried turn makes the same call again.
   */
  call(args: Record<string, unknown>, options: { key: string; signal: AbortSignal }): Promise<unknown>
}

/** Why a call failed, in words that the model and the user may read (at most 2,000 characters). */
export class ToolError extends Error {}

export interface ToolSource {
  /**
   * The tools that this user may use now. Never rejects but for the signal: a server that cannot be reached contributes
   * none, and is logged. Their definitions take at most `maxBytes` as JSON; the same ones are left out each time.
   */
  open(userId: string, signal: AbortSignal, maxBytes?: number): Promise<Tool[]>
  /** Ends connections and processes. */
  close(): Promise<void>
}
