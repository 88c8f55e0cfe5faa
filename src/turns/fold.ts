import type { components } from '../../generated/contract.js'
import type { ModelEvent, Usage } from '../models/model.js'

export type ToolCall = components['schemas']['ToolCall']

/** What a model's events add up to so far. */
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

/** Adds one event to the answer, in place. JSON mode and the stream fold the same events. */
export const fold = (answer: Answer, event: ModelEvent): void => {
  const call = 'id' in event ? answer.tool_calls.find(({ id }) => id === event.id) : undefined
  switch (event.type) {
    case 'text-delta':
      answer.text += event.delta
      break
    case 'tool-call':
      answer.tool_calls.push({ id: event.id, name: event.name, arguments: event.arguments, duration_ms: 0 })
      break
    case 'tool-result':
      if (call) Object.assign(call, { result: event.result, duration_ms: event.duration_ms })
      break
    case 'tool-error':
      if (call) Object.assign(call, { error: event.error, duration_ms: event.duration_ms })
      break
    case 'finish':
      answer.usage = event.usage
      answer.finished = true
  }
}
