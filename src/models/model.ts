import type { components } from '../../generated/contract.js'
import type { ToolDefinition } from '../tools/tool.js'

export type Usage = components['schemas']['Usage']
export type ToolCall = components['schemas']['ToolCall']

/** One earlier turn that the model may see. */
export interface PastTurn {
  user: string
  assistant: string
  /** absent when it called none */
  tool_calls?: ToolCall[]
}

/** What the model said in this turn when it was asked before, and what became of the tools that it called. */
export interface Step {
  /** as the model gave it with its `finish` */
  continuation: unknown
  /** those of the step, in order */
  calls: ToolCall[]
}

export interface ModelRequest {
  /** the system prompt, if one is configured */
  system: string | undefined
  /** whole turns, oldest first, already cut to the window */
  history: PastTurn[]
  message: string
  /** oldest first; none when the turn begins */
  steps?: readonly Step[]
  tools?: readonly ToolDefinition[]
  /** `none`: it has to answer now, without a further call */
  toolChoice?: 'auto' | 'none'
  /** aborts when the turn is cancelled, runs out of time or the instance shuts down */
  signal: AbortSignal
}

/** What a model says while it works. `finish` comes last; a stream that ends without it was cut. */
export type ModelEvent =
  | { type: 'text-delta'; delta: string }
  /** `arguments` is whatever the model wrote: text where it was no JSON */
  | { type: 'tool-call'; id: string; name: string; arguments: unknown }
  /** of a tool that the provider runs itself */
  | { type: 'tool-result'; id: string; result: unknown; duration_ms: number }
  | { type: 'tool-error'; id: string; error: string; duration_ms: number }
  /** With a `continuation` the model waits for its tools, and is to be asked again with that and their results. */
  | { type: 'finish'; usage: Usage; continuation?: unknown }

/** Something that answers. It knows neither HTTP nor the database. */
export interface Model {
  /** as it is stored with the turn, e.g. `echo` or `openai/gpt-…` */
  name: string
  /** whether it calls tools when it is offered any */
  callsTools?: boolean
  /** Asks once. Throws when the model fails or `signal` aborts. */
  run(request: ModelRequest): AsyncIterable<ModelEvent>
}
