import type { DynamicToolUIPart, UIMessage } from 'ai'
import type { components } from '../../generated/contract.js'

export type Message = components['schemas']['Message']
type ToolCall = components['schemas']['ToolCall']

const toolPart = ({ id, name, arguments: input, ...call }: ToolCall): DynamicToolUIPart => {
  const part = { type: 'dynamic-tool', toolCallId: id, toolName: name, input } as const
  if (call.error !== undefined) return { ...part, state: 'output-error', errorText: call.error }
  if ('result' in call) return { ...part, state: 'output-available', output: call.result }
  return { ...part, state: 'output-error', errorText: 'The call was cut off.' }
}

/** Converts stored messages (listMessages, oldest first) to the AI SDK's, for `useChat({ messages })`. */
export const toUIMessages = (messages: readonly Message[]): UIMessage[] =>
  messages.map(({ id, role, content, tool_calls, turn_id, status, created_at, ...rest }) => ({
    id,
    role,
    metadata: {
      turn_id,
      status,
      created_at,
      ...('error' in rest && rest.error ? { error: rest.error } : {}),
    },
    parts: [...tool_calls.map(toolPart), ...(content ? [{ type: 'text' as const, text: content }] : [])],
  }))

/** The turn of a message that was loaded from the server; undefined for a message of this page. */
export const storedTurnId = ({ metadata }: UIMessage): string | undefined =>
  (metadata as { turn_id?: string } | undefined)?.turn_id
