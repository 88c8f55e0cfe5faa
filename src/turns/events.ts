import type { FinishReason, ToolCall, Usage } from '../models/model.js'
import type { ToolProgress } from '../tools/tool.js'
import { cutOffCall } from './turn-errors.js'

/** An event of a turn, as streamed and stored. The attempt's fate, not an event, tells how it ended. */
export type TurnEvent =
  | { type: 'text-delta'; delta: string }
  | { type: 'tool-call'; id: string; name: string; arguments: Record<string, unknown> }
  /** how far a call has got; not a part of the answer */
  | ({ type: 'tool-progress'; id: string } & ToolProgress)
  | { type: 'tool-result'; id: string; result: unknown; duration_ms: number | null; replayed?: true }
  | { type: 'tool-error'; id: string; error: string; duration_ms: number | null }

/** An event of a running turn. `model`: this one is asked now; `step`: one model call has finished, and another follows; `finish`: the last one has. */
export type RunEvent =
  | TurnEvent
  | { type: 'model'; name: string }
  | { type: 'step'; usage: Usage }
  | { type: 'finish'; usage: Usage; reason: FinishReason }

/** The state that a turn's events reduce to. */
export interface Answer {
  text: string
  tool_calls: ToolCall[]
  usage: Usage
  /** why the model has finished; null while it has not */
  finish_reason: FinishReason | null
  /** how much of the text, in UTF-16 code units, comes before the last tool call */
  textBeforeCalls: number
}

export const emptyAnswer = (): Answer => ({
  text: '',
  tool_calls: [],
  usage: { input_tokens: null, output_tokens: null, cached_input_tokens: null, total_tokens: null },
  finish_reason: null,
  textBeforeCalls: 0,
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

/** The characters (code points) of a text. */
const countCharacters = (text: string): number => {
  let count = 0
  for (const _ of text) count += 1
  return count
}

/** Where the next call stands: after as many characters as have been said. Only the text since the last call is counted. */
const nextOffset = (answer: Answer): number => {
  const { text, tool_calls, textBeforeCalls } = answer
  answer.textBeforeCalls = text.length
  return (tool_calls.at(-1)?.text_offset ?? 0) + countCharacters(text.slice(textBeforeCalls))
}

/** Applies an event to the answer, in place: the single reducer for JSON responses, streams and the database. */
export const reduce = (answer: Answer, event: RunEvent): void => {
  switch (event.type) {
    case 'text-delta':
      answer.text += event.delta
      break
    case 'tool-call':
      answer.tool_calls.push({
        id: event.id,
        name: event.name,
        arguments: event.arguments,
        duration_ms: null,
        text_offset: nextOffset(answer),
      })
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
      if (event.type === 'finish') answer.finish_reason = event.reason
  }
}

/** Error events for the tool calls that are unfinished when a turn ends. */
export const cutOffEvents = ({ tool_calls }: Answer): TurnEvent[] =>
  tool_calls
    .filter((call) => !hasEnded(call))
    .map(({ id, duration_ms }) => ({ type: 'tool-error', id, error: cutOffCall, duration_ms }))
