import type { AssistantModelMessage, ModelMessage, ToolModelMessage, ToolResultPart } from 'ai'
import { toProviderName } from '../tools/tool-names.js'
import type { ModelRequest, PastTurn, Step, ToolCall } from './model.js'

/** What the SDK needs to ask a model again after its tools. */
export interface Continuation {
  /** what it said in this step, with what its provider wants to see again, such as its reasoning */
  messages: AssistantModelMessage[]
  /** whether there was any text in this step or before */
  hasText: boolean
}

type Output = ToolResultPart['output']

/** The SDK answers calls that it finds invalid itself; the results are ours to give, of those too. */
export const toContinuation = (
  messages: readonly (AssistantModelMessage | ToolModelMessage)[],
  hasText: boolean,
): Continuation => ({
  messages: messages.filter(({ role }) => role === 'assistant') as AssistantModelMessage[],
  hasText,
})

const outputOf = (call: ToolCall): Output => {
  if (call.error !== undefined) return { type: 'error-text', value: call.error }
  if (typeof call.result === 'string') return { type: 'text', value: call.result }
  return { type: 'json', value: (call.result ?? null) as Extract<Output, { type: 'json' }>['value'] }
}

const resultsOf = (calls: readonly ToolCall[]): ToolModelMessage => ({
  role: 'tool',
  content: calls.map((call) => ({
    type: 'tool-result',
    toolCallId: call.id,
    toolName: toProviderName(call.name),
    output: outputOf(call),
  })),
})

/** Each call, in order, gets the id, the name and the arguments under which its result follows. */
const renamed = (messages: readonly AssistantModelMessage[], calls: readonly ToolCall[]): ModelMessage[] => {
  const rest = [...calls]
  return messages.map(({ content, ...message }) => ({
    ...message,
    content:
      typeof content === 'string'
        ? content
        : content.map((part) => {
            const call = part.type === 'tool-call' ? rest.shift() : undefined
            return call && part.type === 'tool-call'
              ? { ...part, toolCallId: call.id, toolName: toProviderName(call.name), input: call.arguments }
              : part
          }),
  }))
}

const stepOf = ({ continuation, calls }: Step): ModelMessage[] => {
  const { messages } = continuation as Continuation
  return [...renamed(messages, calls), resultsOf(calls)]
}

/** Some servers number the calls of each turn from 0 on, and some providers want ids that differ in all they are sent. */
const distinct = (calls: readonly ToolCall[], taken: Set<string>): ToolCall[] =>
  calls.map((call) => {
    let { id } = call
    for (let n = 2; taken.has(id); n += 1) id = `${call.id}_${n}`
    taken.add(id)
    return { ...call, id }
  })

const pastTurn = ({ user, assistant, tool_calls = [] }: PastTurn, taken: Set<string>): ModelMessage[] => {
  const calls = distinct(tool_calls, taken)
  const called: ModelMessage[] =
    calls.length === 0
      ? []
      : [
          {
            role: 'assistant',
            content: calls.map(({ id, name, arguments: input }) => ({
              type: 'tool-call',
              toolCallId: id,
              // A model may have called a tool by a name that another provider refuses to be told.
              toolName: toProviderName(name),
              input,
            })),
          },
          resultsOf(calls),
        ]
  return [{ role: 'user', content: user }, ...called, { role: 'assistant', content: assistant }]
}

/** The request in the SDK's terms. */
export const toModelMessages = ({ history, message, steps = [] }: ModelRequest): ModelMessage[] => {
  const taken = new Set(steps.flatMap(({ calls }) => calls.map(({ id }) => id)))
  return [
    ...history
      // Some providers refuse a message of white space alone, which a turn that was cancelled early may have.
      .filter(({ assistant }) => assistant.trim() !== '')
      .flatMap((turn) => pastTurn(turn, taken)),
    { role: 'user', content: message },
    ...steps.flatMap(stepOf),
  ]
}
