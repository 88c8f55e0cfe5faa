import type { ToolCall, Usage } from '../models/model.js'
import { cutOffCall } from './turn-errors.js'

/** An event of a turn, as streamed and stored. The attempt's fate, not an event, tells how it ended. */
export type TurnEvent =
  | { type: 'text-delta'; delta: string }
  | { type: 'tool-call'; id: string; name: string; arguments: Record<string, unknown> }
  | { type: 'tool-result'; id: string; result: unknown; duration_ms: number; replayed?: true }
  | { type: 'tool-error'; id: string; error: string; duration_ms: number }

/** An event of a running turn. `step`: one model call has finished, and another follows; `finish`: the last one has. */
export type RunEvent = TurnEvent | { type: 'step'; usage: Usage } | { type: 'finish'; usage: Usage }

/** The state that a turn's events reduce to. */
export interface Answer {
  text: string
  tool_calls: ToolCall[]
  usage: Usage
  /** whether the model has finished */
  finished: boolean
}

export const emptyAnswer = (): Answer => ({
  text: '',
  tool_calls: [],
  usage: { input_tokens: null, output_tokens: null, cached_input_tokens: null, total_tokens: null },
  finished: false,
})

const hasEnded = (call: ToolCall): boolean => 'result' in call || call.error !== undefined

/** The contract's limit for a token count, far beyond any real one. */
const maxCount = 2 ** 31 - 1

/** Adds up two usages. An unknown count adds nothing; if all are unknown, so is the sum. */
const sum = (one: Usage, other: Usage): Usage => {
  const add = (a: number | null, b: number | null) => (a === null ? b : Math.min(a + (b ?? 0), maxCount))
  const counts = Object.entries(other) as [keyof Usage, number | null][]
  return Object.fromEntries(counts.map(([name, count]) => [name, add(one[name], count)])) as Usage
}

/** Applies an event to the answer, in place: the single reducer for JSON responses, streams and the database. */
export const reduce = (answer: Answer, event: RunEvent): void => {
  switch (event.type) {
    case 'text-delta':
      answer.text += event.delta
      break
    case 'tool-call':
      answer.tool_calls.push({ id: event.id, name: event.name, arguments: event.arguments, duration_ms: 0 })
      break
    case 'tool-result':
    case 'tool-error': {
      const { type: _, id, ...outcome } = event
      const call = answer.tool_calls.find((other) => other.id === id)
      if (call) Object.assign(call, outcome)
      break
    }
    case 'step':
    case 'finish':
      answer.usage = sum(answer.usage, event.usage)
      answer.finished = event.type === 'finish'
  }
}

/** Error events for the tool calls that are unfinished when a turn ends. */
export const cutOffEvents = ({ tool_calls }: Answer): TurnEvent[] =>
  tool_calls
    .filter((call) => !hasEnded(call))
    .map(({ id, duration_ms }) => ({ type: 'tool-error', id, error: cutOffCall, duration_ms }))
