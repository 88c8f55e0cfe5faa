import type { components } from '../../generated/contract.js'
import type { StreamEvent } from './event-stream.js'

/**
 * What the client needs of the AI SDK's types, in a form that fits its versions 6 and 7 alike. Importing them would have everybody
 * install the AI SDK, and those who have none could not compile.
 */

type Schemas = components['schemas']

/** What the server says of a message, beside its content. */
export interface MessageMetadata {
  turn_id?: string | null
  conversation_id?: string
  status?: string
  created_at?: string
  finish_reason?: string
  error?: Schemas['TurnError']
}

interface ToolPart {
  type: 'dynamic-tool'
  toolCallId: string
  toolName: string
  input: unknown
}

export type ChatMessagePart =
  | { type: 'text'; text: string }
  | { type: 'reasoning'; text: string }
  | (ToolPart & { state: 'output-available'; output: unknown })
  | (ToolPart & { state: 'output-error'; errorText: string })
  | { type: 'file'; url: string; mediaType: string; filename?: string }

/** A stored message as the AI SDK's UIMessage. */
export interface ChatMessage {
  id: string
  role: 'system' | 'user' | 'assistant'
  metadata: MessageMetadata
  parts: ChatMessagePart[]
}

/** A UIMessage of the page, as far as it is looked at. */
export interface GivenMessage {
  id: string
  role: string
  metadata?: unknown
  parts: readonly { type: string; text?: string }[]
}

type FinishReason = 'stop' | 'length' | 'content-filter' | 'tool-calls' | 'error' | 'other'

/** A UIMessageChunk. */
export type MessageChunk =
  | Exclude<StreamEvent, { type: 'start' | 'finish' }>
  | { type: 'start'; messageId: string; messageMetadata?: MessageMetadata }
  | { type: 'message-metadata'; messageMetadata: MessageMetadata }
  | { type: 'finish'; finishReason?: FinishReason }

export interface ChatRequest {
  chatId?: string
  headers?: Record<string, string> | Headers
  body?: object
  metadata?: unknown
}

export interface SendOptions extends ChatRequest {
  messageId?: string | undefined
  trigger: 'submit-message' | 'regenerate-message'
  messages: readonly GivenMessage[]
  abortSignal: AbortSignal | undefined
}

/** A ChatTransport. */
export interface SdkTransport {
  readonly resumeStreamIsReplay: true
  sendMessages(options: SendOptions): Promise<ReadableStream<MessageChunk>>
  reconnectToStream(
    options: ChatRequest & { abortSignal?: AbortSignal },
  ): Promise<ReadableStream<MessageChunk> | null>
}

export type SdkVersion = 6 | 7

const chunkTypes =
  'start|start-step|text-start|text-delta|text-end|reasoning-start|reasoning-delta|reasoning-end|tool-input-start|tool-input-delta|' +
  'tool-input-available|tool-input-error|tool-approval-request|tool-output-available|tool-output-error|tool-output-denied|' +
  'source-url|source-document|file|message-metadata|finish-step|finish|abort|error|data-.*'
const laterChunkTypes = 'custom|reasoning-file|reset-step|steering-message|tool-approval-response'

/** Tells the chunks that a version of the AI SDK knows; any other would end its stream. */
export const createChunkTest = (version: SdkVersion) => {
  const known = new RegExp(`^(${chunkTypes}${version === 7 ? `|${laterChunkTypes}` : ''})$`)
  return (type: string): boolean => known.test(type)
}
