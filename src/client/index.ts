/** The client of Colloquy's HTTP API, published as `@colloquy/client`. */
export { type BetterAuthClient, createBetterAuthToken, subjectOf } from './better-auth.js'
export type { Token } from './call.js'
export { createClient } from './client.js'
export type { AnswerOf, Client, ParamsOf } from './client-types.js'
export type { ClientOptions, RequestOptions } from './core.js'
export type { StreamEvent } from './event-stream.js'
export { type Message, toUIMessages } from './messages.js'
export type { List, Page } from './page.js'
export {
  type ClientCode,
  ColloquyError,
  type ErrorCode,
  type FieldError,
  type Problem,
} from './problem.js'
export type { UpdateEvent } from './resumed-updates.js'
export type { ChatMessage, ChatMessagePart, MessageMetadata } from './sdk.js'
export { type ChatTransportOptions, type ColloquyTransport, createChatTransport } from './transport.js'
