import {
  type ChatTransportOptions,
  type ClientOptions,
  type ColloquyTransport,
  createChatTransport,
  createClient,
} from '../../src/client/index.js'
import { tokenOf } from './app.js'

export type TransportOptions = Partial<ClientOptions & Omit<ChatTransportOptions, 'client'>>

/** alice's transport, with a client of its own. */
export const transportOf = (url: string, options: TransportOptions = {}): ColloquyTransport => {
  const { conversationId, onConversation, sdk, ...rest } = options
  const client = createClient({ url, userId: 'alice', token: () => tokenOf('alice'), ...rest })
  return createChatTransport({
    client,
    conversationId,
    ...(onConversation && { onConversation }),
    ...(sdk && { sdk }),
  })
}
