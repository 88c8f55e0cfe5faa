import { withTimeout } from '../../src/concurrency/with-timeout.js'
import { errorOf, readStream, type StreamAnswer, textOf, turnOf, typesOf } from '../helpers/stream.js'
import { type Answer, type Record as Entry, type Leave, now, type Send } from './records.js'

export interface ClientOptions {
  /** unique among the clients of a run; its requests are numbered after it */
  name: string
  record: (entry: Entry) => void
  /** bearer tokens, by user */
  tokens: Record<string, string>
  /** past it a request counts as cut off */
  requestMs: number
}

export type Message = Pick<Send, 'user' | 'key' | 'conversation' | 'parent' | 'message'>

export interface Client {
  /** createTurn; undefined when no answer came. What a stream ended with is written down like an answer in JSON. */
  send(url: string, message: Message, as?: 'json' | 'stream'): Promise<Answer | undefined>
  /** listMessages, the newest first; all of them with `whole`. Gives how many, undefined when an answer is lacking. */
  read(url: string, user: string, conversation: string, whole?: boolean): Promise<number | undefined>
  /** the user's latest conversations */
  conversations(url: string, user: string): Promise<string[]>
  cancel(url: string, user: string, turn: string): Promise<void>
  /** deleteConversation, or updateConversation with an expiry that is soon */
  leave(url: string, user: string, conversation: string, how: Leave['how']): Promise<void>
}

interface Reply {
  status: number
  replayed: boolean
  body: ReturnType<typeof JSON.parse>
}

/** After which a conversation expires that is to, and by how much clocks may be read apart. */
const expiryMs = 500
const clockMs = 20

/** The status of every failure of a turn that a stream tells: the records know it by its code. */
const failedStatus = 502

/** How a stream ended, as createTurn would have answered in JSON; undefined when it was cut. */
const endOf = async (stream: StreamAnswer): Promise<Pick<Reply, 'status' | 'body'> | undefined> => {
  const events = await stream.all()
  if (events.at(-1) !== '[DONE]') return undefined
  const { turn_id, conversation_id, user_message_id } = await turnOf(stream)
  const ids = { turn_id, conversation_id, user_message_id }
  const end = typesOf(events).at(-2)
  if (end === 'error') return { status: failedStatus, body: { ...ids, code: errorOf(events) } }
  const [start] = events
  const message_id = start !== '[DONE]' && start?.type === 'start' ? start.messageId : undefined
  const status = end === 'finish' ? 'completed' : end === 'abort' ? 'cancelled' : end
  return { status: 200, body: { ...ids, message_id, status, response: textOf(events) } }
}

/** Calls the API and writes down what it sent and what it was told, before and after. */
export const createClient = ({ name, record, tokens, requestMs }: ClientOptions): Client => {
  let requests = 0

  const call = async (
    url: string,
    user: string,
    path: string,
    init: RequestInit = {},
  ): Promise<Reply | undefined> => {
    try {
      return await withTimeout(undefined, requestMs, async (signal) => {
        const response = await fetch(`${url}/api/${user}${path}`, {
          ...init,
          headers: { authorization: `Bearer ${tokens[user]}`, ...init.headers },
          signal,
        })
        const replayed = response.headers.get('idempotency-replayed') === 'true'
        if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
          const end = await endOf(readStream(response))
          return end && { ...end, replayed }
        }
        const text = await response.text()
        return { status: response.status, replayed, body: text === '' ? {} : JSON.parse(text) }
      })
    } catch {
      // Refused, reset, cut off in the middle or too late: nothing is known.
      return undefined
    }
  }

  const send: Client['send'] = async (url, message, as = 'json') => {
    requests += 1
    const request = `${name}.${requests}`
    record({ type: 'send', at: now(), request, ...message })
    const reply = await call(url, message.user, '/chat', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: as === 'json' ? 'application/json' : 'text/event-stream',
        ...(message.key !== null && { 'idempotency-key': message.key }),
      },
      body: JSON.stringify({
        message: message.message,
        conversation_id: message.conversation ?? undefined,
        parent_id: message.parent,
      }),
    })
    if (!reply) return undefined
    const answer: Answer = { type: 'answer', at: now(), request, as, ...reply }
    record(answer)
    return answer
  }

  const read: Client['read'] = async (url, user, conversation, whole = false) => {
    const at = now()
    const messages: { id: string; position: number }[] = []
    let query = `order=desc&branch=all&limit=${whole ? 100 : 20}`
    do {
      const reply = await call(url, user, `/conversations/${conversation}/messages?${query}`)
      if (reply?.status !== 200) return undefined
      messages.push(...reply.body.data.map(({ id, position }: (typeof messages)[0]) => ({ id, position })))
      query = reply.body.next_cursor ? `order=desc&branch=all&limit=100&cursor=${reply.body.next_cursor}` : ''
    } while (whole && query !== '')
    record({ type: 'read', at, user, conversation, messages })
    return messages.length
  }

  return {
    send,
    read,
    async conversations(url, user) {
      const at = now()
      const reply = await call(url, user, '/conversations?limit=4')
      if (reply?.status !== 200) return []
      const conversations: string[] = reply.body.data.map(({ id }: { id: string }) => id)
      record({ type: 'list', at, conversations })
      return conversations
    },
    async leave(url, user, conversation, how) {
      const path = `/conversations/${conversation}`
      record({ type: 'leave', at: now(), how, user, conversation })
      if (how === 'delete') {
        const reply = await call(url, user, path, { method: 'DELETE' })
        const at = now()
        if (reply?.status === 204) record({ type: 'gone', at, how, conversation, from: at })
        return
      }
      const expiresAt = Date.now() + expiryMs
      const reply = await call(url, user, path, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ expires_at: new Date(expiresAt).toISOString() }),
      })
      const at = now()
      // By this machine's clock, which the database has, too.
      const from = Math.max(at, at + (expiresAt + clockMs - Date.now()) * 1_000)
      if (reply?.status === 200) record({ type: 'gone', at, how, conversation, from })
    },
    async cancel(url, user, turn) {
      await call(url, user, `/turns/${turn}/cancel`, { method: 'POST' })
    },
  }
}
