import type { ChatTransport, UIMessage, UIMessageChunk } from 'ai'
import { createApi } from './api.js'
import { requestHeaders, type TurnRequest, toTurnRequest } from './chat-request.js'
import { toChunkStream } from './chunk-stream.js'
import { type MessageStreamOptions, readMessage } from './message-stream.js'
import { storedTurnId } from './messages.js'
import { type ColloquyError, notSupported } from './problem.js'
import { createRetryPolicy, retryWith } from './retry-policy.js'
import { createShownMessages } from './shown-messages.js'
import { untilAborted } from './timing.js'

export interface ChatTransportOptions {
  /** the server's URL, such as `https://chat.example.com`; the page's own origin by default */
  url?: string
  userId: string
  /** Returns a valid token; called before every request. */
  token: () => string | Promise<string>
  /** the conversation to continue; by default the first message begins a new one */
  conversationId?: string | undefined
  /** Called with the id of a new conversation, for example to keep it in the page's address. */
  onConversation?: (conversationId: string) => void
  /** how often in a row a lost connection is retried, after 250 ms, 500 ms … up to 4 s; 6 by default */
  retries?: number
  /** how long a stream may be silent before it counts as lost; 40 s by default, because the server sends a comment every 15 s */
  silenceMs?: number
  fetch?: typeof fetch
}

export interface ColloquyTransport extends ChatTransport<UIMessage> {
  /** Returns the conversation's newest messages (at most 100), oldest first, for `useChat({ messages })`. */
  loadMessages(limit?: number): Promise<UIMessage[]>
}

type OpenOptions = Pick<MessageStreamOptions, 'connect' | 'onTurn'> & {
  disconnect: AbortController
  stop?: AbortSignal | undefined
  headers: Headers
  /** Called when the turn has ended or was cancelled, and a retry will not change its answer. */
  onEnd: (turnId: string) => void
  onSettled?: () => void
}

const alreadyStored =
  'The message is stored already, and its answer is not generated again. Send its text as a new message to ask again.'

/**
 * Connects the AI SDK's `useChat` to Colloquy; create one transport per chat. A message's id is its Idempotency-Key, so sending it
 * again never duplicates it. Lost connections are resumed, and `stop()` cancels the turn.
 */
export const createChatTransport = (options: ChatTransportOptions): ColloquyTransport => {
  const { onConversation, retries = 6, silenceMs = 40_000 } = options
  const api = createApi({ ...options, retries })
  let conversationId = options.conversationId
  let resumes = 0
  /** settles when the last message sent has a turn, or has failed */
  let lastSend: Promise<void> = Promise.resolve()
  /** the request of each idempotency key, which must not change */
  const requests = new Map<string, TurnRequest>()
  /** the turn of each idempotency key whose answer is final */
  const answeredTurns = new Map<string, string>()
  const shown = createShownMessages()

  /**
   * Streams the running turn or, because a turn may have ended since the page was loaded, the newest turn whose stored version the
   * page does not show. 204 when there is none.
   */
  const streamNewest = async (id: string, headers: Headers, signal: AbortSignal): Promise<Response> => {
    const running = await api.streamConversation(id, headers, signal)
    if (running.status !== 204) return running
    // No more than two summaries come after the last turn.
    const newest = (await api.listMessages(id, 3, headers)).at(-1)
    if (!newest?.turn_id || (newest.role === 'assistant' && shown.isCurrent(newest))) return running
    return api.streamTurn(newest.turn_id, headers, signal)
  }

  const open = ({ disconnect, stop, headers, connect, onTurn, onEnd, onSettled }: OpenOptions) => {
    let turnId: string | undefined
    const onStop = (): void => {
      // Until the server has named the turn, there is nothing to cancel, and reading goes on.
      if (turnId === undefined) return
      api.cancelTurn(turnId)
      onEnd(turnId)
      disconnect.abort()
    }
    const chunks = readMessage({
      connect,
      retries,
      silenceMs,
      disconnect: disconnect.signal,
      stop,
      resume: (id, after) => api.streamTurn(id, headers, disconnect.signal, after),
      async onTurn(turn) {
        turnId = turn.turn_id
        if (conversationId === undefined) {
          conversationId = turn.conversation_id
          onConversation?.(turn.conversation_id)
        }
        await onTurn(turn)
        if (stop?.aborted) onStop()
      },
      onEnd(messageId, end) {
        // A failed turn may be retried, here or elsewhere.
        if (end === 'failed') return
        if (messageId !== undefined) shown.add(messageId)
        if (turnId !== undefined) onEnd(turnId)
      },
    })
    const onDisconnect = () => disconnect.abort()
    return toChunkStream({ chunks, stop, onStop, onDisconnect, ...(onSettled && { onSettled }) })
  }

  /** Streams the stored answer, which `useChat` has removed from the page, and then fails with `error`. */
  const streamThenFail = (turnId: string, error: ColloquyError): ReadableStream<UIMessageChunk> => {
    const disconnect = new AbortController()
    const { signal } = disconnect
    const connect = () => api.streamTurn(turnId, new Headers(), signal)
    async function* chunks() {
      const callbacks = { onTurn() {}, onEnd() {} }
      try {
        yield* readMessage({
          connect,
          resume: connect,
          disconnect: signal,
          retries: 0,
          silenceMs,
          ...callbacks,
        })
      } catch {}
      throw error
    }
    const onDisconnect = () => disconnect.abort()
    return toChunkStream({ chunks: chunks(), onStop: onDisconnect, onDisconnect })
  }

  return {
    resumeStreamIsReplay: true,

    async sendMessages(sendOptions) {
      const { abortSignal, trigger } = sendOptions
      const headers = requestHeaders(sendOptions, ['model'])
      const { message, request } = toTurnRequest(sendOptions)
      const key = message.id
      const earlier = requests.get(key)
      const answeredTurn = storedTurnId(message) ?? answeredTurns.get(key)
      if (trigger === 'regenerate-message' && answeredTurn !== undefined) {
        return streamThenFail(answeredTurn, notSupported(alreadyStored))
      }
      if (answeredTurn !== undefined || shown.has(key)) throw notSupported(alreadyStored)
      if (
        earlier &&
        (earlier.message !== request.message || (request.model ?? earlier.model) !== earlier.model)
      ) {
        throw notSupported(
          'A message that was sent cannot be changed or given to another model. Send a new message.',
        )
      }

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
      const sent = earlier ?? {
        ...request,
        ...(conversationId !== undefined && { conversation_id: conversationId }),
      }
      requests.set(key, sent)
      const disconnect = new AbortController()
      return open({
        disconnect,
        stop: abortSignal,
        headers,
        connect: () =>
          api.sendMessage(sent, {
            idempotencyKey: key,
            headers,
            signal: disconnect.signal,
            beforeSend: () => abortSignal?.throwIfAborted(),
          }),
        onTurn({ user_message_id }) {
          shown.add(user_message_id)
          settle()
        },
        onEnd: (turnId) => answeredTurns.set(key, turnId),
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
      const connect = () => streamNewest(id, headers, disconnect.signal)
      const first = await retryWith(createRetryPolicy(retries), connect, disconnect.signal)
      if (first.status === 204) return null
      let isFirst = true
      return open({
        disconnect,
        stop: stop.signal,
        headers,
        connect() {
          const response = isFirst ? Promise.resolve(first) : connect()
          isFirst = false
          return response
        },
        async onTurn({ user_message_id }) {
          if (shown.canInsert() && !shown.has(user_message_id)) {
            const messages = await api.listMessages(id, 100, headers)
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
      return shown.load(await retryWith(createRetryPolicy(retries), () => api.listMessages(id, limit)))
    },
  }
}
