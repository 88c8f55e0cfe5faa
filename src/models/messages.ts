import type { AssistantModelMessage, ModelMessage, ToolModelMessage } from 'ai'
import type { ModelRequest, PastTurn, Step, ToolCall } from './model.js'
import { replayedParts, toCallPart, toToolMessage, turnMessages } from './replay.js'
import type { Dialect } from './wire/dialect.js'

/** What the SDK needs to continue a response with tool results. */
export interface Continuation {
  /** the response, including what the provider needs back, such as reasoning */
  parts: ReturnType<typeof replayedParts>
  /** whether this response or an earlier one of the turn has text */
  hasText: boolean
}

/** Keeps the assistant's messages only: the SDK adds results for calls that it finds invalid, and we give our own. */
export const toContinuation = (
  messages: readonly (AssistantModelMessage | ToolModelMessage)[],
  hasText: boolean,
  dialect: Dialect,
): Continuation => ({
  parts: replayedParts(
    messages.filter((message): message is AssistantModelMessage => message.role === 'assistant'),
    dialect,
  ),
  hasText,
})

const stepMessages = ({ continuation, calls }: Step): ModelMessage[] => {
  const rest = [...calls]
  const content = (continuation as Continuation).parts
    .filter((part) => part.type !== 'text' || part.text.trim() !== '')
    .map((part) => {
      const call = part.type === 'tool-call' ? rest.shift() : undefined
      return call ? { ...part, ...toCallPart(call) } : part
    })
  return [{ role: 'assistant', content }, toToolMessage(calls)]
}

/** Makes call ids unique in the request, as some providers require: some servers number the calls of each turn from 0. */
const withUniqueIds = (turn: PastTurn, taken: Set<string>): PastTurn => {
  const toUnique = (call: ToolCall): ToolCall => {
    let { id } = call
    for (let n = 2; taken.has(id); n += 1) id = `${call.id}_${n}`
    taken.add(id)
    return { ...call, id }
  }
  return turn.tool_calls ? { ...turn, tool_calls: turn.tool_calls.map(toUnique) } : turn
}

/** Converts a request to this model to the SDK's messages. */
export const toModelMessages = (
  { history, message, steps = [] }: ModelRequest,
  model: string,
): ModelMessage[] => {
  const taken = new Set(steps.flatMap(({ calls }) => calls.map(({ id }) => id)))
  return [
    ...history
      // Some providers reject a blank message, which a turn that was cancelled early may have.
      .filter(({ assistant }) => assistant.trim() !== '')
      .flatMap((turn) => turnMessages(withUniqueIds(turn, taken), model)),
    { role: 'user', content: message },
    ...steps.flatMap(stepMessages),
  ]
}
