import type { ChatTransport, UIMessage, UIMessageChunk } from 'ai'
import type { components } from '../../generated/contract.js'
import { createContinuation } from './continue.js'
import { readFrames } from './event-stream.js'
import { type Message, toUIMessages } from './messages.js'
import { ColloquyError, checkResponse } from './problem.js'

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
  fetch?: typeof fetch
}

export interface ColloquyTransport extends ChatTransport<UIMessage> {
  /** The conversation's newest messages (at most 100), oldest first, for `useChat({ messages })`. */
  loadMessages(limit?: number): Promise<UIMessage[]>
}

type TurnRequest = components['schemas']['TurnRequest']
type Connect = (after: string | undefined) => Promise<Response>

/** The longest Retry-After that is waited for, in seconds; past it the reader gets the error. */
const maxRetryAfter = 10

/** whether the same request may well succeed a little later; a proxy's 502 and 504 are no problems of ours */
const mayPass = (error: unknown): boolean => {
  if (!(error instanceof ColloquyError)) return error instanceof TypeError
  const { status, problem, retryAfter = 0 } = error
  const isProxys = problem === undefined && (status === 502 || status === 504)
  return (isProxys || status === 503 || status === 408) && retryAfter <= maxRetryAfter
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })

/** whether the message came from loadMessages: then its id is the server's, and no key of a request */
const isStored = (message: UIMessage | undefined): boolean =>
  (message?.metadata as { turn_id?: unknown } | undefined)?.turn_id !== undefined

const stopped = () => new DOMException('The message was stopped.', 'AbortError')

const textOf = (message: UIMessage | undefined): string =>
  message?.parts.map((part) => (part.type === 'text' ? part.text : '')).join('') ?? ''

/**
 * The transport that makes the AI SDK's `useChat` talk to Colloquy; one per chat. A message's id is its
 * Idempotency-Key, so sending it again never doubles it; a lost connection is resumed; `stop()` cancels the turn.
 */
export const createChatTransport = (options: ChatTransportOptions): ColloquyTransport => {
  const { url = '', userId, token, onConversation, retries = 6 } = options
  const request = options.fetch ?? fetch
  const base = `${url.replace(/\/$/, '')}/api/${encodeURIComponent(userId)}`
  let conversationId = options.conversationId
  let resumes = 0
  /** settles when the last message that was sent has a turn, or has come to nothing */
  let naming: Promise<void> = Promise.resolve()
  /** what was sent with each key, since a key belongs to one body */
  const bodies = new Map<string, TurnRequest>()

  const call = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers)
    headers.set('authorization', `Bearer ${await token()}`)
    return checkResponse(await request(`${base}${path}`, { ...init, headers }))
  }

  const cancel = (turnId: string): void => {
    void call(`/turns/${turnId}/cancel`, { method: 'POST' }).catch(() => {})
  }

  /** One message's stream, over as many connections as it takes; `connect` makes the first. */
  async function* read(
    connect: Connect,
    leaving: AbortSignal,
    isStopped: () => boolean,
    onTurn: (turnId: string) => void,
  ) {
    const proceed = createContinuation()
    let after: string | undefined
    let resume = connect
    let failures = 0
    while (!leaving.aborted) {
      try {
        const response = await resume(after)
        // What was to be resumed has ended meanwhile.
        if (response.status === 204) return
        for await (const { id, event } of readFrames(response)) {
          if (!event) return
          if (id) after = id
          if (event.type === 'data-turn') {
            const { turn_id, conversation_id } = event.data
            resume = (last) =>
              call(`/turns/${turn_id}/stream`, {
                signal: leaving,
                headers: last === undefined ? {} : { 'last-event-id': last },
              })
            if (conversationId === undefined) {
              conversationId = conversation_id
              onConversation?.(conversation_id)
            }
            onTurn(turn_id)
          }
          const news = proceed(event)
          // What only came again is no progress.
          if (news.some(({ type }) => type !== 'data-turn')) failures = 0
          yield* news
        }
        throw new TypeError('The connection was cut.')
      } catch (error) {
        failures += 1
        // A message that was stopped before the server named its turn is not sent again.
        if (leaving.aborted || isStopped()) return
        if (!mayPass(error) || failures > retries) throw error
        const seconds = error instanceof ColloquyError ? error.retryAfter : undefined
        await pause((seconds ?? 0) * 1000 || Math.min(250 * 2 ** (failures - 1), 4000), leaving)
      }
    }
  }

  /** A stream that its reader may leave, which the turn does not notice, or stop, which cancels it. */
  const open = (connect: Connect, leaving: AbortController, stop?: AbortSignal, named = () => {}) => {
    let turnId: string | undefined
    const onStop = (): void => {
      // Before the server has named the turn there is nothing to cancel: the stream is read on until it has.
      if (turnId === undefined) return
      cancel(turnId)
      leaving.abort()
    }
    const isStopped = () => stop?.aborted ?? false
    const events = read(connect, leaving.signal, isStopped, (id) => {
      turnId = id
      named()
      if (isStopped()) onStop()
    })
    return new ReadableStream<UIMessageChunk>({
      start(controller) {
        const end = async () => {
          controller.error(stopped())
          onStop()
          while (!(await events.next().catch(() => ({ done: true }))).done);
          named()
        }
        if (isStopped()) void end()
        else stop?.addEventListener('abort', end, { once: true })
      },
      async pull(controller) {
        const next = await events.next().catch((error: unknown) => {
          named()
          throw error
        })
        if (next.done) named()
        if (isStopped()) return
        if (next.done) controller.close()
        else controller.enqueue(next.value)
      },
      cancel() {
        leaving.abort()
        named()
      },
    })
  }

  return {
    resumeStreamIsReplay: true,

    async sendMessages({ messages, abortSignal }) {
      const message = messages.findLast(({ role }) => role === 'user')
      if (isStored(message))
        throw new Error('The message is stored already; send its text anew to ask again.')
      // The first message may be stopped before the server has named its conversation; this one belongs there, too.
      if (conversationId === undefined) await naming
      abortSignal?.throwIfAborted()
      const key = message?.id ?? ''
      const body = {
        message: textOf(message),
        ...(conversationId !== undefined && { conversation_id: conversationId }),
      }
      const known = bodies.get(key)
      const sent = known?.message === body.message ? known : body
      bodies.set(key, sent)
      const leaving = new AbortController()
      const connect = () =>
        call('/chat', {
          method: 'POST',
          signal: leaving.signal,
          headers: {
            'content-type': 'application/json',
            accept: 'text/event-stream',
            'idempotency-key': key,
          },
          body: JSON.stringify(sent),
        })
      let named = () => {}
      naming = new Promise<void>((resolve) => {
        named = resolve
      })
      return open(connect, leaving, abortSignal, named)
    },

    async reconnectToStream({ abortSignal }) {
      if (conversationId === undefined) return null
      resumes += 1
      const mine = resumes
      const leaving = new AbortController()
      const stopping = new AbortController()
      // Resuming once more (React's StrictMode does) aborts the signal as stopping does, and comes here right after.
      abortSignal?.addEventListener('abort', () =>
        setTimeout(() => (mine === resumes ? stopping : leaving).abort()),
      )
      const connect = () => call(`/conversations/${conversationId}/stream`, { signal: leaving.signal })
      const first = await connect()
      if (first.status === 204) return null
      let isFirst = true
      const again = () => {
        const response = isFirst ? Promise.resolve(first) : connect()
        isFirst = false
        return response
      }
      return open(again, leaving, stopping.signal)
    },

    async loadMessages(limit = 100) {
      if (conversationId === undefined) return []
      const query = new URLSearchParams({ order: 'desc', limit: String(limit) })
      const response = await call(`/conversations/${conversationId}/messages?${query}`)
      const { data } = (await response.json()) as { data: Message[] }
      return toUIMessages(data.reverse())
    },
  }
}
