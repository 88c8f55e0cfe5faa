import type { components } from '../../generated/closed/contract.js'
import type { ToolDefinition } from '../tools/tool.js'

export type Usage = components['schemas']['Usage']
/** The tokens that a provider reports. */
export type ModelUsage = Omit<Usage, 'cost'>
/** The usage of a response for which the provider reports none. */
export const unknownUsage: ModelUsage = {
  input_tokens: null,
  output_tokens: null,
  cached_input_tokens: null,
  reasoning_tokens: null,
  total_tokens: null,
}

export type FinishReason = components['schemas']['KnownFinishReason']

/** A tool call as it is stored with its answer. */
export interface ToolCall {
  /** unique in the turn */
  id: string
  name: string
  arguments: Record<string, unknown>
  result?: unknown
  error?: string
  /** null when the call was not made, or was cut off */
  duration_ms: number | null
  /** an earlier attempt of the turn made the call */
  replayed?: true
  /** how many characters (code points) of the answer's text come before it */
  text_offset?: number
}

/** Options of the AI SDK for one provider, such as a reasoning's signature. */
export type ProviderOptions = Record<string, Record<string, unknown>>

/**
 * A part of a model's response, in order, as its provider wants to see it again in later turns. A text is the next `length`
 * UTF-16 code units of the response's text; a tool call is the next one of the response.
 */
export type ResponsePart =
  /** what belongs to the response as a whole */
  | { type: 'message'; options: ProviderOptions }
  | { type: 'text'; length: number; options?: ProviderOptions }
  | { type: 'reasoning'; text: string; options?: ProviderOptions }
  | { type: 'tool-call'; options?: ProviderOptions }

/** A turn's responses as their provider wants to see them again; of use to the same model alone. */
export interface Continuation {
  model: string
  /** each with the length of the turn's text at its end, in UTF-16 code units */
  steps: { end: number; parts: ResponsePart[] }[]
}

/** An earlier turn of the conversation. */
export interface PastTurn {
  user: string
  assistant: string
  /** absent or empty when it called no tools */
  tool_calls?: ToolCall[]
  continuation?: Continuation | null
}

/** An earlier response of the model in this turn, and the results of its tool calls. */
export interface Step {
  /** the name of the model that responded */
  model?: string
  /** from the model's `finish` event */
  continuation: unknown
  /** in the order of the response */
  calls: ToolCall[]
}

export interface ModelRequest {
  /** the system prompt, if one is configured */
  system: string | undefined
  /** whole turns, oldest first, already limited to the history window */
  history: PastTurn[]
  /** what came before the history, summed up */
  summary?: string | undefined
  message: string
  /** oldest first; empty when the turn begins */
  steps?: readonly Step[]
  tools?: readonly ToolDefinition[]
  /** `none`: the model has to answer without further calls */
  toolChoice?: 'auto' | 'none'
  /** how long the answer may be at most; undefined: as the operator or the provider has it */
  maxOutputTokens?: number
  /** false: another model waits to answer, so a failure is final at once */
  mayRetry?: boolean
  /** undefined: the model's general one */
  temperature?: number | undefined
  /** told the name of the model that has answered, as its provider gives it */
  onResponse?: (model: string) => void
  /** aborts when the turn is cancelled or times out, or the instance shuts down */
  signal: AbortSignal
}

/** An event of a model's response. `finish` comes last; a stream that ends without it is incomplete. */
export type ModelEvent =
  /** from a chain: the model that is asked now, until the next such event; `isPaidTwice`: the one before may want to be paid, too */
  | { type: 'model'; name: string; isPaidTwice?: true }
  | { type: 'text-delta'; delta: string }
  | { type: 'reasoning-delta'; delta: string }
  /** `arguments` is a string when the model wrote invalid JSON */
  | { type: 'tool-call'; id: string; name: string; arguments: unknown }
  /** from a tool that the provider runs itself */
  | { type: 'tool-result'; id: string; result: unknown; duration_ms: number }
  | { type: 'tool-error'; id: string; error: string; duration_ms: number }
  /**
   * With a `continuation`, the model waits for tool results: run it again with both. `reason` is `stop` unless it says otherwise.
   * `parts` are what later turns have to show the model of this response; absent when its text is all. `cacheWriteTokens` are those
   * of the input that the provider put into its cache.
   */
  | {
      type: 'finish'
      usage: ModelUsage
      cacheWriteTokens?: number
      reason?: FinishReason
      continuation?: unknown
      parts?: ResponsePart[]
    }

/** A language model. It knows neither HTTP nor the database. */
export interface Model {
  /** as it is stored with the turn, e.g. `echo` or `openai/gpt-…` */
  name: string
  /** the names of all models that may answer in a chain, itself first */
  chain?: readonly string[]
  /** whether it supports tool calls */
  callsTools?: boolean
  /** Makes one request. Throws when it fails or `signal` aborts. */
  run(request: ModelRequest): AsyncIterable<ModelEvent>
}
