import type { AssistantModelMessage, ModelMessage, ToolModelMessage } from 'ai'
import type { ModelRequest, ProviderOptions, Step, ToolCall } from './model.js'
import { replayedParts, toAssistantMessage, toCallPart, toToolMessage, turnMessages } from './replay.js'
import { introduceSummary } from './summary.js'
import type { Dialect } from './wire/dialect.js'

/** What the SDK needs to continue a response with tool results. */
export interface PendingResponse {
  /** the response, including what the provider needs back, such as reasoning */
  parts: ReturnType<typeof replayedParts>
  /** the options of the response as a whole */
  options: ProviderOptions | undefined
  /** whether this response or an earlier one of the turn has text */
  hasText: boolean
}

/** Keeps the assistant's messages only: the SDK adds results for calls that it finds invalid, and we give our own. */
export const toPendingResponse = (
  messages: readonly (AssistantModelMessage | ToolModelMessage)[],
  metadata: ProviderOptions,
  hasText: boolean,
  dialect: Dialect,
): PendingResponse => ({
  parts: replayedParts(
    messages.filter((message): message is AssistantModelMessage => message.role === 'assistant'),
    dialect,
  ),
  options: dialect.toReplayedMessage?.(metadata),
  hasText,
})

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

const stepMessages = ({ continuation, calls }: Step): ModelMessage[] => {
  const rest = [...calls]
  const { parts, options } = continuation as PendingResponse
  const content = parts
    .filter((part) => part.type !== 'text' || part.text.trim() !== '')
    .map((part) => {
      const call = part.type === 'tool-call' ? rest.shift() : undefined
      return call ? { ...part, ...toCallPart(call) } : part
    })
  return [toAssistantMessage(content, options), toToolMessage(calls)]
}

/** Puts the summary into the first message, which is the user's: further messages, or two in a row, are refused by some servers. */
const withSummary = (messages: ModelMessage[], summary: string | undefined): ModelMessage[] => {
  const [first, ...rest] = messages
  if (summary === undefined || first?.role !== 'user') return messages
  return [{ role: 'user', content: introduceSummary(summary, String(first.content)) }, ...rest]
}

/** A request to this model as the SDK's messages: those of the earlier turns, then those of this one. */
export const toModelMessages = (
  { history, summary, message, steps = [], tools = [] }: ModelRequest,
  model: string,
): { past: ModelMessage[]; current: ModelMessage[] } => {
  const taken = new Set<string>()
  const past = history
    // Some providers reject a blank message, which a turn that was cancelled early may have.
    .filter(({ assistant }) => assistant.trim() !== '')
    .flatMap(({ tool_calls = [], ...turn }) =>
      turnMessages({ ...turn, tool_calls: withUniqueIds(tool_calls, taken) }, model, tools.length > 0),
    )
  const current: ModelMessage[] = [
    { role: 'user', content: message },
    ...steps.flatMap((step) => stepMessages({ ...step, calls: withUniqueIds(step.calls, taken) })),
  ]
  return past.length > 0
    ? { past: withSummary(past, summary), current }
    : { past, current: withSummary(current, summary) }
}
