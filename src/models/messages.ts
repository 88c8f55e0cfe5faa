import type { AssistantModelMessage, ModelMessage, ToolModelMessage, ToolResultPart } from 'ai'
import { toProviderName } from '../tools/tool-names.js'
import type { ModelRequest, PastTurn, Step, ToolCall } from './model.js'
import { introduceSummary } from './summary.js'

/** What the SDK needs to continue a response with tool results. */
export interface Continuation {
  /** the model's messages of this step, including what the provider needs back, such as reasoning */
  messages: AssistantModelMessage[]
  /** whether this step or an earlier one has text */
  hasText: boolean
}

type Output = ToolResultPart['output']

/** Keeps the assistant's messages only: the SDK adds results for calls that it finds invalid, and we give our own. */
export const toContinuation = (
  messages: readonly (AssistantModelMessage | ToolModelMessage)[],
  hasText: boolean,
): Continuation => ({
  messages: messages.filter(({ role }) => role === 'assistant') as AssistantModelMessage[],
  hasText,
})

const toOutput = (call: ToolCall): Output => {
  if (call.error !== undefined) return { type: 'error-text', value: call.error }
  if (typeof call.result === 'string') return { type: 'text', value: call.result }
  return { type: 'json', value: (call.result ?? null) as Extract<Output, { type: 'json' }>['value'] }
}

const toToolMessage = (calls: readonly ToolCall[]): ToolModelMessage => ({
  role: 'tool',
  content: calls.map((call) => ({
    type: 'tool-result',
    toolCallId: call.id,
    toolName: toProviderName(call.name),
    output: toOutput(call),
  })),
})

/** Rewrites the calls in the messages, in order, with the ids, names and arguments of their results. */
const withStoredCalls = (
  messages: readonly AssistantModelMessage[],
  calls: readonly ToolCall[],
): ModelMessage[] => {
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

/**
 * Makes call ids unique in the request, as some providers require: some servers number the calls of each turn from 0. Calls are
 * given in their order, so an id never depends on what comes after it, and what was sent once is sent again as it was.
 */
const withUniqueIds = (calls: readonly ToolCall[], taken: Set<string>): ToolCall[] =>
  calls.map((call) => {
    let { id } = call
    for (let n = 2; taken.has(id); n += 1) id = `${call.id}_${n}`
    taken.add(id)
    return { ...call, id }
  })

const stepMessages = ({ continuation, calls }: Step, taken: Set<string>): ModelMessage[] => {
  const { messages } = continuation as Continuation
  const unique = withUniqueIds(calls, taken)
  return [...withStoredCalls(messages, unique), toToolMessage(unique)]
}

const turnMessages = ({ user, assistant, tool_calls = [] }: PastTurn, taken: Set<string>): ModelMessage[] => {
  const calls = withUniqueIds(tool_calls, taken)
  const callMessages: ModelMessage[] =
    calls.length === 0
      ? []
      : [
          {
            role: 'assistant',
            content: calls.map(({ id, name, arguments: input }) => ({
              type: 'tool-call',
              toolCallId: id,
              // Another provider's model may have used a name that this provider rejects.
              toolName: toProviderName(name),
              input,
            })),
          },
          toToolMessage(calls),
        ]
  return [{ role: 'user', content: user }, ...callMessages, { role: 'assistant', content: assistant }]
}

/** Puts the summary into the first message, which is the user's: further messages, or two in a row, are refused by some servers. */
const withSummary = (messages: ModelMessage[], summary: string | undefined): ModelMessage[] => {
  const [first, ...rest] = messages
  if (summary === undefined || first?.role !== 'user') return messages
  return [{ role: 'user', content: introduceSummary(summary, String(first.content)) }, ...rest]
}

/** A request as the SDK's messages: those of the earlier turns, then those of this one. */
export const toModelMessages = ({
  history,
  summary,
  message,
  steps = [],
}: ModelRequest): { past: ModelMessage[]; current: ModelMessage[] } => {
  const taken = new Set<string>()
  const past = history
    // Some providers reject a blank message, which a turn that was cancelled early may have.
    .filter(({ assistant }) => assistant.trim() !== '')
    .flatMap((turn) => turnMessages(turn, taken))
  const current: ModelMessage[] = [
    { role: 'user', content: message },
    ...steps.flatMap((step) => stepMessages(step, taken)),
  ]
  return past.length > 0
    ? { past: withSummary(past, summary), current }
    : { past, current: withSummary(current, summary) }
}
