import type { components } from '../../generated/contract.js'

export type Usage = components['schemas']['Usage']

/** One earlier turn that the model may see. */
export interface PastTurn {
  user: string
  assistant: string
}

export interface ModelRequest {
  /** the system prompt, if one is configured */
  system: string | undefined
  /** whole turns, oldest first, already cut to the window */
  history: PastTurn[]
  message: string
  /** aborts when the turn is cancelled, runs out of time or the instance shuts down */
  signal: AbortSignal
}

/** What a model says while it works. `finish` comes last; a stream that ends without it was cut. */
export type ModelEvent =
  | { type: 'text-delta'; delta: string }
  | { type: 'tool-call'; id: string; name: string; arguments: Record<string, unknown> }
  | { type: 'tool-result'; id: string; result: unknown; duration_ms: number }
  | { type: 'tool-error'; id: string; error: string; duration_ms: number }
  | { type: 'finish'; usage: Usage }

/** Something that answers. It knows neither HTTP nor the database. */
export interface Model {
  /** as it is stored with the turn, e.g. `echo` or `openai/gpt-…` */
  name: string
  /** Throws when the model fails or `signal` aborts. */
  run(request: ModelRequest): AsyncIterable<ModelEvent>
}
