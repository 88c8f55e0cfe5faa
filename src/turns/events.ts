import type { ToolCall, Usage } from '../models/model.js'
import { cutOffCall } from './turn-errors.js'

/** What is said in a turn, as it is streamed and stored. How it ends is its attempt's fate. */
export type TurnEvent =
  | { type: 'text-delta'; delta: string }
  | { type: 'tool-call'; id: string; name: string; arguments: Record<string, unknown> }
  | { type: 'tool-result'; id: string; result: unknown; duration_ms: number; replayed?: true }
  | { type: 'tool-error'; id: string; error: string; duration_ms: number }

/** What running a turn gives. `step`: the model was asked once and is asked again; `finish`: it is done. */
export type RunEvent = TurnEvent | { type: 'step'; usage: Usage } | { type: 'finish'; usage: Usage }

/** What a turn's events add up to so far. */
export interface Answer {
  text: string
  tool_calls: ToolCall[]
  usage: Usage
  /** whether the model said that it was done */
  finished: boolean
}

export const emptyAnswer = (): Answer => ({
  text: '',
  tool_calls: [],
  usage: { input_tokens: null, output_tokens: null, cached_input_tokens: null, total_tokens: null },
  finished: false,
})

const hasEnded = (call: ToolCall): boolean => 'result' in call || call.error !== undefined

/** The contract's bound on a count of tokens, which no honest one comes near. */
const maxCount = 2 ** 31 - 1

/** Counts that are not known add nothing; the sum is unknown when all are. */
const sum = (one: Usage, other: Usage): Usage => {
  const add = (a: number | null, b: number | null) => (a === null ? b : Math.min(a + (b ?? 0), maxCount))
  const counts = Object.entries(other) as [keyof Usage, number | null][]
  return Object.fromEntries(counts.map(([name, count]) => [name, add(one[name], count)])) as Usage
}

/** Adds one event to the answer, in place: the one reducer of events, for JSON, streams and what is stored. */
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

/** The events that end what the end of a turn leaves open. */
export const cutOffs = ({ tool_calls }: Answer): TurnEvent[] =>
  tool_calls
    .filter((call) => !hasEnded(call))
    .map(({ id, duration_ms }) => ({ type: 'tool-error', id, error: cutOffCall, duration_ms }))
