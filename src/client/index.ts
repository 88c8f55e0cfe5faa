/** The browser client, exported as `colloquy/client`. */
export type { StreamEvent } from './event-stream.js'
export { type Message, toUIMessages } from './messages.js'
export { type ClientCode, ColloquyError, type Problem } from './problem.js'
export { type ChatTransportOptions, type ColloquyTransport, createChatTransport } from './transport.js'
