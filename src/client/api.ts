import { type CallerOptions, createCaller, readJson } from './call.js'
import type { TurnRequest } from './chat-request.js'
import type { Message } from './messages.js'
import { createRetryPolicy, retryWith } from './retry-policy.js'

const EVENT_STREAM = 'text/event-stream'

export interface ApiOptions extends CallerOptions {
  retries: number
}

export interface SendOptions {
  idempotencyKey: string
  headers: Headers
  signal: AbortSignal
  /** Called right before the request is sent; throws to prevent it. */
  beforeSend: () => void
}

/** The operations of the HTTP API that the transport uses. */
export const createApi = ({ retries, ...options }: ApiOptions) => {
  const call = createCaller(options)
  return {
    /** Begins a turn and streams it (streamNewTurn). */
    sendMessage(request: TurnRequest, { idempotencyKey, headers, ...sending }: SendOptions) {
      const withKey = new Headers(headers)
      withKey.set('idempotency-key', idempotencyKey)
      const body = JSON.stringify(request)
      return call('/chat', { method: 'POST', accept: EVENT_STREAM, headers: withKey, body, ...sending })
    },

    /** Streams a turn, from after the event of that id. */
    streamTurn(turnId: string, headers: Headers, signal: AbortSignal, after?: string) {
      const withId = new Headers(headers)
      if (after !== undefined) withId.set('last-event-id', after)
      return call(`/turns/${turnId}/stream`, { accept: EVENT_STREAM, headers: withId, signal })
    },

    /** Streams the running turn; 204 when there is none. */
    streamConversation: (conversationId: string, headers: Headers, signal: AbortSignal) =>
      call(`/conversations/${conversationId}/stream`, { accept: EVENT_STREAM, headers, signal }),

    /** Cancels a turn, in the background. */
    cancelTurn(turnId: string): void {
      const work = () => call(`/turns/${turnId}/cancel`, { method: 'POST' })
      void retryWith(createRetryPolicy(retries, true), work).catch(() => {})
    },

    /** Returns the newest messages, oldest first, without summaries: what they sum up is there, too. */
    async listMessages(conversationId: string, limit: number, headers?: Headers): Promise<Message[]> {
      const query = new URLSearchParams({ order: 'desc', limit: String(limit) })
      const response = await call(`/conversations/${conversationId}/messages?${query}`, { headers })
      const { data } = await readJson<{ data: Message[] }>(response)
      return data.filter(({ role }) => role !== 'summary').reverse()
    },
  }
}
