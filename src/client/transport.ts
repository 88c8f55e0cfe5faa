import type { ChatTransport, UIMessage, UIMessageChunk } from 'ai'
import { type Call, createCaller, readJson } from './call.js'
import { headersOf, messageOf, type TurnRequest } from './chat-request.js'
import { toChunkStream } from './chunk-stream.js'
import { type Reading, readMessage } from './message-stream.js'
import { type Message, storedTurnOf } from './messages.js'
import { type ColloquyError, notSupported } from './problem.js'
import { createRetries, retrying } from './retry-policy.js'
import { createShown } from './shown-messages.js'
import { untilAborted } from './timing.js'

export interface ChatTransportOptions {
  /** where Colloquy is, such as `https://chat.example.com`; the page's own origin unless told */
  url?: string
  userId: string
  /** Gives a token that is valid now; asked before every request. */
  token: () => string | Promise<string>
  /** the conversation to continue; without it the first message begins a new one */
  conversationId?: string | undefined
  /** Told the id of a new conversation, to keep it in the page's address, say. */
  onConversation?: (conversationId: string) => void
  /** how often in a row a lost connection is tried again, after 250 ms, 500 ms … up to 4 s; 6 unless told */
  retries?: number
  /** how long a stream may be silent before it counts as lost; 40 s unless told, since the server gives a sign of life every 15 s */
  silenceMs?: number
  fetch?: typeof fetch
}

export interface ColloquyTransport extends ChatTransport<UIMessage> {
  /** The conversation's newest messages (at most 100), oldest first, for `useChat({ messages })`. */
  loadMessages(limit?: number): Promise<UIMessage[]>
}

type Streaming = Pick<Reading, 'connect' | 'onTurn'> & {
  leaving: AbortController
  stop?: AbortSignal | undefined
  headers: Headers
  /** Told that the turn has ended, or was told to, and has no other answer to come. */
  onEnd: (turnId: string) => void
  onSettled?: () => void
}

const eventStream = 'text/event-stream'
const isStored =
  'The message is stored already, and its answer is not made anew. Send its text as a new message to ask again.'

/**
 * The transport that makes the AI SDK's `useChat` talk to Colloquy; one per chat. A message's id is its
 * Idempotency-Key, so sending it again never doubles it; a lost connection is resumed; `stop()` cancels the turn.
 */
export const createChatTransport = (options: ChatTransportOptions): ColloquyTransport => {
  const { onConversation, retries = 6, silenceMs = 40_000 } = options
  const call: Call = createCaller(options)
  let conversationId = options.conversationId
  let resumes = 0
  /** settles when the last message that was sent has a turn, or has come to nothing */
  let naming: Promise<void> = Promise.resolve()
  /** what was sent with each key, since a key belongs to one body */
  const bodies = new Map<string, TurnRequest>()
  /** the turns of the keys that have their answer */
  const answered = new Map<string, string>()
  const shown = createShown()

  const cancel = (turnId: string): void => {
    const work = () => call(`/turns/${turnId}/cancel`, { method: 'POST' })
    void retrying(createRetries(retries, true), work).catch(() => {})
  }

  const list = async (limit: number, headers?: Headers): Promise<Message[]> => {
    const query = new URLSearchParams({ order: 'desc', limit: String(limit) })
    const response = await call(`/conversations/${conversationId}/messages?${query}`, { headers })
    const { data } = await readJson<{ data: Message[] }>(response)
    return data.reverse()
  }

  const streamTurn = (turnId: string, headers: Headers, signal: AbortSignal, after?: string) => {
    const withId = new Headers(headers)
    if (after !== undefined) withId.set('last-event-id', after)
    return call(`/turns/${turnId}/stream`, { accept: eventStream, headers: withId, signal })
  }

  /**
   * The stream of the turn that runs, or of the newest one that the page does not show as it is stored: it may have ended
   * after the page was loaded. 204 when there is none.
   */
  const streamNewest = async (headers: Headers, signal: AbortSignal): Promise<Response> => {
    const running = await call(`/conversations/${conversationId}/stream`, {
      accept: eventStream,
      headers,
      signal,
    })
    if (running.status !== 204) return running
    const [newest] = await list(1, headers)
    if (!newest || (newest.role === 'assistant' && shown.isCurrent(newest))) return running
    return streamTurn(newest.turn_id, headers, signal)
  }

  const open = ({ leaving, stop, headers, connect, onTurn, onEnd, onSettled }: Streaming) => {
    let turnId: string | undefined
    const onStop = (): void => {
      // Before the server has named the turn there is nothing to cancel: the stream is read on until it has.
      if (turnId === undefined) return
      cancel(turnId)
      onEnd(turnId)
      leaving.abort()
    }
    const chunks = readMessage({
      connect,
      retries,
      silenceMs,
      leaving: leaving.signal,
      stop,
      resume: (id, after) => streamTurn(id, headers, leaving.signal, after),
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
        // A failed turn may be tried again, here or elsewhere.
        if (end === 'failed') return
        if (messageId !== undefined) shown.add(messageId)
        if (turnId !== undefined) onEnd(turnId)
      },
    })
    const onLeave = () => leaving.abort()
    return toChunkStream({ chunks, stop, onStop, onLeave, ...(onSettled && { onSettled }) })
  }

  /** Shows the answer that `useChat` has taken off the page, and then why there is no other. */
  const refuse = (error: ColloquyError, turnId: string): ReadableStream<UIMessageChunk> => {
    const leaving = new AbortController()
    const resume = () => streamTurn(turnId, new Headers(), leaving.signal)
    async function* chunks() {
      const { signal } = leaving
      const reading = { connect: resume, resume, leaving: signal, retries: 0, silenceMs }
      try {
        yield* readMessage({ ...reading, onTurn() {}, onEnd() {} })
      } catch {}
      throw error
    }
    const onLeave = () => leaving.abort()
    return toChunkStream({ chunks: chunks(), onStop: onLeave, onLeave })
  }

  return {
    resumeStreamIsReplay: true,

    async sendMessages(asked) {
      const { abortSignal } = asked
      const headers = headersOf(asked, ['model'])
      const { message, request } = messageOf(asked)
      const key = message.id
      const known = bodies.get(key)
      const answeredTurn = storedTurnOf(message) ?? answered.get(key)
      if (asked.trigger === 'regenerate-message' && answeredTurn !== undefined) {
        return refuse(notSupported(isStored), answeredTurn)
      }
      if (answeredTurn !== undefined || shown.has(key)) throw notSupported(isStored)
      if (known && (known.message !== request.message || (request.model ?? known.model) !== known.model)) {
        throw notSupported(
          'A message cannot be changed, nor given to another model, once it was sent. Send a new one.',
        )
      }

      let named = () => {}
      const before = naming
      naming = new Promise<void>((resolve) => {
        named = resolve
      })
      try {
        // The one before may be about to begin the conversation; this one belongs there, too.
        if (conversationId === undefined) await untilAborted(before, abortSignal)
        abortSignal?.throwIfAborted()
      } catch (error) {
        named()
        throw error
      }
      const sent = known ?? {
        ...request,
        ...(conversationId !== undefined && { conversation_id: conversationId }),
      }
      bodies.set(key, sent)
      const leaving = new AbortController()
      const keyed = new Headers(headers)
      keyed.set('idempotency-key', key)
      return open({
        leaving,
        stop: abortSignal,
        headers,
        connect: () =>
          call('/chat', {
            method: 'POST',
            accept: eventStream,
            headers: keyed,
            body: JSON.stringify(sent),
            signal: leaving.signal,
            mayGo: () => abortSignal?.throwIfAborted(),
          }),
        onTurn({ user_message_id }) {
          shown.add(user_message_id)
          named()
        },
        onEnd: (turnId) => answered.set(key, turnId),
        onSettled: named,
      })
    },

    async reconnectToStream({ abortSignal, ...asked }) {
      const headers = headersOf(asked)
      if (conversationId === undefined) return null
      resumes += 1
      const mine = resumes
      const leaving = new AbortController()
      const stopping = new AbortController()
      // Resuming once more (React's StrictMode does) aborts the signal as stopping does, and comes here right after.
      const onAbort = () => setTimeout(() => (mine === resumes ? stopping : leaving).abort())
      if (abortSignal?.aborted) onAbort()
      abortSignal?.addEventListener('abort', onAbort)
      const connect = () => streamNewest(headers, leaving.signal)
      const first = await retrying(createRetries(retries), connect, leaving.signal)
      if (first.status === 204) return null
      let isFirst = true
      return open({
        leaving,
        stop: stopping.signal,
        headers,
        connect() {
          const response = isFirst ? Promise.resolve(first) : connect()
          isFirst = false
          return response
        },
        async onTurn({ user_message_id }) {
          if (shown.isFillable() && !shown.has(user_message_id)) {
            const messages = await list(100, headers)
            shown.fill(messages.slice(0, messages.findIndex(({ id }) => id === user_message_id) + 1))
          }
          shown.add(user_message_id)
        },
        onEnd: () => {},
      })
    },

    async loadMessages(limit = 100) {
      if (conversationId === undefined) return []
      return shown.load(await retrying(createRetries(retries), () => list(limit)))
    },
  }
}
