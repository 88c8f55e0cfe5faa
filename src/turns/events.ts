import {
  type FinishReason,
  type ModelUsage,
  type ResponsePart,
  type ToolCall,
  unknownUsage,
} from '../models/model.js'
import type { ToolProgress } from '../tools/tool.js'
import { cutOffCall } from './turn-errors.js'

/** An event of a turn, as streamed and stored. The attempt's fate, not an event, tells how it ended. */
export type TurnEvent =
  | { type: 'text-delta'; delta: string }
  | { type: 'reasoning-delta'; delta: string }
  | { type: 'tool-call'; id: string; name: string; arguments: Record<string, unknown> }
  /** how far a call has got; not a part of the answer */
  | ({ type: 'tool-progress'; id: string } & ToolProgress)
  | { type: 'tool-result'; id: string; result: unknown; duration_ms: number | null; replayed?: true }
  | { type: 'tool-error'; id: string; error: string; duration_ms: number | null }

/** An event of a running turn. `model`: this one is asked now; `step`: one model call has finished, and another follows; `finish`: the last one has. */
export type RunEvent =
  | TurnEvent
  | { type: 'model'; name: string }
  | { type: 'step'; usage: ModelUsage; cacheWriteTokens?: number; parts?: ResponsePart[] }
  | {
      type: 'finish'
      usage: ModelUsage
      cacheWriteTokens?: number
      reason: FinishReason
      parts?: ResponsePart[]
    }

/** A piece of a model's reasoning, and where it stands in the answer. */
export interface Reasoning {
  text: string
  /** how many characters (code points) of the answer's text come before it */
  text_offset: number
  /** how many of the answer's tool calls come before it */
  calls_before: number
}

/** The state that a turn's events reduce to. */
export interface Answer {
  text: string
  tool_calls: ToolCall[]
  reasoning: Reasoning[]
  /** the responses that later turns have to show the model, each with the length of the text at its end */
  responses: { end: number; parts: ResponsePart[] }[]
  usage: ModelUsage
  /** how many of its input tokens were put into the provider's cache; absent for none */
  cacheWriteTokens?: number
  /** why the model has finished; null while it has not */
  finish_reason: FinishReason | null
  /** how much of the text has been counted, in UTF-16 code units and in characters (code points) */
  counted: { units: number; characters: number }
}

export const emptyAnswer = (): Answer => ({
  text: '',
  tool_calls: [],
  reasoning: [],
  responses: [],
  usage: unknownUsage,
  finish_reason: null,
  counted: { units: 0, characters: 0 },
})

export const hasEnded = (call: ToolCall): boolean => 'result' in call || call.error !== undefined

/** The contract's limit for a token count, far beyond any real one. */
const maxCount = 2 ** 31 - 1

/** Adds up two usages. An unknown count adds nothing; if all are unknown, so is the sum. */
const sum = (one: ModelUsage, other: ModelUsage): ModelUsage => {
  const add = (a: number | null, b: number | null) => (a === null ? b : Math.min(a + (b ?? 0), maxCount))
  const counts = Object.entries(other) as [keyof ModelUsage, number | null][]
  return Object.fromEntries(counts.map(([name, count]) => [name, add(one[name], count)])) as ModelUsage
}

/** The characters (code points) of a text. */
const countCharacters = (text: string): number => {
  let count = 0
  for (const _ of text) count += 1
  return count
}

/** How many characters have been said. Only the text since the last count is counted. */
const textOffset = ({ text, counted }: Answer): number => {
  counted.characters += countCharacters(text.slice(counted.units))
  counted.units = text.length
  return counted.characters
}

const addReasoning = (answer: Answer, text: string): void => {
  const text_offset = textOffset(answer)
  const calls_before = answer.tool_calls.length
  const last = answer.reasoning.at(-1)
  if (last?.text_offset === text_offset && last.calls_before === calls_before) last.text += text
  else answer.reasoning.push({ text, text_offset, calls_before })
}

/** Applies an event to the answer, in place: the single reducer for JSON responses, streams and the database. */
export const reduce = (answer: Answer, event: RunEvent): void => {
  switch (event.type) {
    case 'text-delta':
      answer.text += event.delta
      break
    case 'reasoning-delta':
      addReasoning(answer, event.delta)
      break
    case 'tool-call':
      answer.tool_calls.push({
        id: event.id,
        name: event.name,
        arguments: event.arguments,
        duration_ms: null,
        text_offset: textOffset(answer),
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
      if (event.cacheWriteTokens)
        answer.cacheWriteTokens = (answer.cacheWriteTokens ?? 0) + event.cacheWriteTokens
      if (event.parts) answer.responses.push({ end: answer.text.length, parts: event.parts })
      if (event.type === 'finish') answer.finish_reason = event.reason
  }
}

/** Error events for the tool calls that are unfinished when a turn ends. */
export const cutOffEvents = ({ tool_calls }: Answer): TurnEvent[] =>
  tool_calls
    .filter((call) => !hasEnded(call))
    .map(({ id, duration_ms }) => ({ type: 'tool-error', id, error: cutOffCall, duration_ms }))
