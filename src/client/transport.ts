import { requestHeaders, toTurnRequest } from './chat-request.js'
import { toChunkStream } from './chunk-stream.js'
import { coreOf } from './client.js'
import type { Client } from './client-types.js'
import { createConversationReader } from './conversation-reader.js'
import { type MessageStreamOptions, readMessage } from './message-stream.js'
import { createRetryPolicy, retryWith } from './retry-policy.js'
import type { ChatMessage, SdkTransport, SdkVersion } from './sdk.js'
import { createSentMessages } from './sent-messages.js'
import { createShownMessages } from './shown-messages.js'
import { untilAborted } from './timing.js'

export interface ChatTransportOptions {
  client: Client
  /** the conversation to continue; by default the first message begins a new one */
  conversationId?: string | undefined
  /** Called with the id of a new conversation. */
  onConversation?: (conversationId: string) => void
  /** the version of the AI SDK; with 7, chunks pass that 6 does not know; 6 by default */
  sdk?: SdkVersion
}

export interface ColloquyTransport extends SdkTransport {
  /** the chat's conversation; undefined until its first message has begun it */
  readonly conversationId: string | undefined
  /** Returns the conversation's newest messages (at most 100), oldest first, for `new Chat({ messages })`. */
  loadMessages(limit?: number): Promise<ChatMessage[]>
}

type OpenOptions = Pick<MessageStreamOptions, 'connect' | 'onTurn'> & {
  disconnect: AbortController
  stop?: AbortSignal | undefined
  headers: Headers
  /** Called when the turn has ended or was cancelled, and a retry will not change its answer. */
  onEnd: () => void
  onSettled?: () => void
}

/**
 * Connects the AI SDK's `useChat` to Colloquy; create one transport per chat. Each message has an Idempotency-Key, so sending it again
 * never duplicates it. Lost connections are resumed, and `stop()` cancels the turn.
 */
export const createChatTransport = (options: ChatTransportOptions): ColloquyTransport => {
  const { client, onConversation, sdk = 6 } = options
  const core = coreOf(client)
  const { retries, silenceMs } = core
  let conversationId = options.conversationId
  let resumes = 0
  /** settles when the last message sent has a turn, or has failed */
  let lastSend: Promise<void> = Promise.resolve()
  const shown = createShownMessages()
  const sentMessages = createSentMessages(client, shown)

  const { streamTurn, newestMessages, streamNewest } = createConversationReader(client, core, shown)

  const open = ({ disconnect, stop, headers, connect, onTurn, onEnd, onSettled }: OpenOptions) => {
    let turnId: string | undefined
    const onStop = (): void => {
      // Until the server has named the turn, there is nothing to cancel, and reading goes on.
      if (turnId === undefined) return
      void client.cancelTurn({ turn_id: turnId }).catch(() => {})
      onEnd()
      disconnect.abort()
    }
    const reading = { headers, signal: disconnect.signal }
    const chunks = readMessage({
      sdk,
      connect,
      retries,
      silenceMs,
      disconnect: disconnect.signal,
      stop,
      resume: (id, after) => streamTurn(id, reading, after),
      async onTurn(turn) {
        turnId = turn.turn_id
        if (conversationId === undefined) {
          conversationId = turn.conversation_id
          onConversation?.(turn.conversation_id)
        }
        await onTurn?.(turn)
        if (stop?.aborted) onStop()
      },
      onEnd(messageId, end) {
        // A failed turn may be retried, here or elsewhere.
        if (end === 'failed') return
        if (messageId !== undefined) shown.add(messageId)
        onEnd()
      },
    })
    const onDisconnect = () => disconnect.abort()
    return toChunkStream({ chunks, stop, onStop, onDisconnect, ...(onSettled && { onSettled }) })
  }

  return {
    resumeStreamIsReplay: true,
    get conversationId() {
      return conversationId
    },

    async sendMessages(sendOptions) {
      const { abortSignal } = sendOptions
      const headers = requestHeaders(sendOptions, ['model', 'assistant'])
      const { id } = toTurnRequest(sendOptions).message
      const sent = await sentMessages.requestOf(sendOptions, { headers, signal: abortSignal })

      let settle = () => {}
      const previousSend = lastSend
      lastSend = new Promise<void>((resolve) => {
        settle = resolve
      })
      try {
        // The previous message may be about to begin the conversation that this one belongs to.
        if (conversationId === undefined) await untilAborted(previousSend, abortSignal)
        abortSignal?.throwIfAborted()
      } catch (error) {
        settle()
        throw error
      }
      sentMessages.add(id, sent, conversationId)
      const disconnect = new AbortController()
      return open({
        disconnect,
        stop: abortSignal,
        headers,
        connect: () =>
          core.open(
            'streamNewTurn',
            { ...sent.request },
            {
              idempotencyKey: sent.key,
              headers,
              signal: disconnect.signal,
              beforeSend: () => abortSignal?.throwIfAborted(),
            },
          ),
        onTurn({ user_message_id }) {
          shown.add(user_message_id)
          sentMessages.stored(id, user_message_id)
          settle()
        },
        onEnd() {
          sent.isAnswered = true
        },
        onSettled: settle,
      })
    },

    async reconnectToStream({ abortSignal, ...requestOptions }) {
      const headers = requestHeaders(requestOptions)
      const id = conversationId
      if (id === undefined) return null
      resumes += 1
      const thisResume = resumes
      const disconnect = new AbortController()
      const stop = new AbortController()
      // A stop aborts the signal; so does resuming again (as React's StrictMode does), which then calls this function at once.
      const onAbort = () => setTimeout(() => (thisResume === resumes ? stop : disconnect).abort())
      if (abortSignal?.aborted) onAbort()
      abortSignal?.addEventListener('abort', onAbort)
      const reading = { headers, signal: disconnect.signal }
      const connect = () => streamNewest(id, reading)
      const first = await retryWith(createRetryPolicy({ retries }), connect, disconnect.signal)
      if (first.response.status === 204) {
        first.close()
        return null
      }
      let isFirst = true
      return open({
        disconnect,
        stop: stop.signal,
        headers,
        connect() {
          const connection = isFirst ? Promise.resolve(first) : connect()
          isFirst = false
          return connection
        },
        async onTurn({ user_message_id }) {
          if (shown.canInsert() && !shown.has(user_message_id)) {
            const messages = await newestMessages(id, 100, reading)
            const question = messages.findIndex((message) => message.id === user_message_id)
            shown.insertMissing(messages.slice(0, question + 1))
          }
          shown.add(user_message_id)
        },
        onEnd: () => {},
      })
    },

    async loadMessages(limit = 100) {
      const id = conversationId
      if (id === undefined) return []
      return shown.load(await newestMessages(id, limit))
    },
  }
}
