/** The texts of a request to a model and of its response, in the form that the conventions for GenAI have for a span's attributes. */
import type { ModelEvent, ModelRequest, ToolCall } from '../models/model.js'
import { toFinishReason } from './conventions.js'

type Part =
  | { type: 'text'; content: string }
  | { type: 'tool_call'; id: string; name: string; arguments: unknown }
  | { type: 'tool_call_response'; id: string; response: unknown }
interface Message {
  role: 'user' | 'assistant' | 'tool'
  parts: Part[]
}

const text = (content: string): Part[] => (content === '' ? [] : [{ type: 'text', content }])

const requested = (calls: readonly ToolCall[]): Part[] =>
  calls.map(({ id, name, arguments: args }) => ({ type: 'tool_call', id, name, arguments: args }))

const answered = (calls: readonly ToolCall[]): Message[] => {
  const parts = calls.map(
    ({ id, result, error }): Part => ({ type: 'tool_call_response', id, response: error ?? result ?? null }),
  )
  return parts.length > 0 ? [{ role: 'tool', parts }] : []
}

/** An exchange with the model. Its calls are told before its text, which came around them. */
const exchange = (user: string, assistant: string, calls: readonly ToolCall[]): Message[] => [
  { role: 'user', parts: text(user) },
  ...(calls.length > 0 ? [{ role: 'assistant' as const, parts: requested(calls) }] : []),
  ...answered(calls),
  { role: 'assistant', parts: text(assistant) },
]

export const requestContent = ({ system, summary, history, message, steps = [] }: ModelRequest) => {
  const instructions = [system, summary].flatMap((content) => text(content ?? ''))
  const messages: Message[] = [
    ...history.flatMap(({ user, assistant, tool_calls = [] }) => exchange(user, assistant, tool_calls)),
    { role: 'user', parts: text(message) },
    ...steps.flatMap(({ calls }): Message[] => [
      { role: 'assistant', parts: requested(calls) },
      ...answered(calls),
    ]),
  ]
  return {
    'gen_ai.system_instructions': instructions.length > 0 ? JSON.stringify(instructions) : undefined,
    'gen_ai.input.messages': JSON.stringify(messages),
  }
}

/** Collects a response's text and calls as they come. */
export const collectResponse = () => {
  const calls: Part[] = []
  let said = ''
  return {
    hear(event: ModelEvent): void {
      if (event.type === 'text-delta') said += event.delta
      if (event.type === 'tool-call')
        calls.push({ type: 'tool_call', id: event.id, name: event.name, arguments: event.arguments })
    },
    attributes: (finishReason: string) => ({
      'gen_ai.output.messages': JSON.stringify([
        {
          role: 'assistant',
          parts: [...text(said), ...calls],
          finish_reason: toFinishReason(finishReason),
        },
      ]),
    }),
  }
}
