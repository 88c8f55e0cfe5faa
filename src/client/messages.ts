import type { components } from '../../generated/contract.js'
import type { ChatMessage, ChatMessagePart, GivenMessage } from './sdk.js'

export type Message = components['schemas']['Message']
type MessagePart = components['schemas']['MessagePart']
type ToolCall = components['schemas']['ToolCall']

const toolPart = ({ id, name, arguments: input, ...call }: ToolCall): ChatMessagePart => {
  const part = { type: 'dynamic-tool', toolCallId: id, toolName: name, input } as const
  if (call.error !== undefined) return { ...part, state: 'output-error', errorText: call.error }
  if ('result' in call) return { ...part, state: 'output-available', output: call.result }
  return { ...part, state: 'output-error', errorText: 'The call was cut off.' }
}

/** A part as the AI SDK has it; none for a part of a later version. */
const toUIPart = (part: MessagePart, calls: readonly ToolCall[]): ChatMessagePart[] => {
  const { text = '', url = '', media_type: mediaType = '', filename } = part
  switch (part.type) {
    case 'text':
    case 'reasoning':
      return [{ type: part.type, text }]
    case 'tool-call':
      return calls.filter(({ id }) => id === part.tool_call_id).map(toolPart)
    case 'file':
      return [{ type: 'file', url, mediaType, ...(filename !== undefined && { filename }) }]
    default:
      return []
  }
}

/** Converts stored messages (listMessages, oldest first) to the AI SDK's, for `useChat({ messages })`. */
export const toUIMessages = (messages: readonly Message[]): ChatMessage[] =>
  messages.map(({ id, role, parts, tool_calls, turn_id, conversation_id, ...rest }) => ({
    id,
    // What neither of the two says is said by the system.
    role: role === 'user' || role === 'assistant' ? role : 'system',
    metadata: {
      turn_id,
      conversation_id,
      status: rest.status,
      created_at: rest.created_at,
      ...(rest.finish_reason && { finish_reason: rest.finish_reason }),
      ...(rest.error && { error: rest.error }),
    },
    parts: parts.flatMap((part) => toUIPart(part, tool_calls)),
  }))

/** The turn of a message that was loaded from the server; undefined for a message of this page. */
export const storedTurnId = ({ metadata }: GivenMessage): string | undefined =>
  (metadata as { turn_id?: string | null } | undefined)?.turn_id ?? undefined
