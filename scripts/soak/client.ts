import { createParser } from 'eventsource-parser'
import { withTimeout } from '../../src/concurrency/with-timeout.js'

/** What came of a request; status 0: no whole answer. */
export interface Reply {
  status: number
  body: ReturnType<typeof JSON.parse>
}

/** What was read of a turn's stream, on whatever instance. */
export interface Heard {
  text: string
  turnId?: string
  conversationId?: string
  lastId?: string
  /** how it ended; undefined when it was cut */
  end?: 'finish' | 'abort' | 'error'
}

const requestMs = 30_000
const cut: Reply = { status: 0, body: {} }

const call = async (
  url: string,
  init: RequestInit,
  read: (response: Response) => Promise<Reply>,
): Promise<Reply> => {
  try {
    return await withTimeout(undefined, requestMs, async (signal) =>
      read(await fetch(url, { ...init, signal })),
    )
  } catch {
    // Refused, reset, cut in the middle or too late: nothing is known.
    return cut
  }
}

const readJson = async (response: Response): Promise<Reply> => {
  const text = await response.text()
  return { status: response.status, body: text === '' ? {} : JSON.parse(text) }
}

/** The user's requests, in JSON. */
export const request = (url: string, token: string, method = 'GET', body?: object, key?: string) =>
  call(
    url,
    {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body && { 'content-type': 'application/json' }),
        ...(key && { 'idempotency-key': key }),
      },
      ...(body && { body: JSON.stringify(body) }),
    },
    readJson,
  )

const hear = (heard: Heard, id: string, data: string): void => {
  if (id) heard.lastId = id
  if (data === '[DONE]') return
  const event = JSON.parse(data)
  // A replay begins anew, with all of the text.
  if (event.type === 'start') heard.text = ''
  else if (event.type === 'text-delta') heard.text += event.delta
  else if (event.type === 'data-turn') {
    heard.turnId = event.data.turn_id
    heard.conversationId = event.data.conversation_id
  } else if (['finish', 'abort', 'error'].includes(event.type)) heard.end = event.type
}

/** Reads a turn's stream into `heard`, from where that ends; it may be answered with a problem. */
export const requestStream = (
  url: string,
  token: string,
  heard: Heard,
  init: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Reply> =>
  call(
    url,
    {
      ...init,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'text/event-stream',
        ...(heard.lastId && { 'last-event-id': heard.lastId }),
        ...init.headers,
      },
    },
    async (response) => {
      if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return readJson(response)
      let isWhole = false
      const parser = createParser({
        onEvent: ({ id = '', data }) => {
          isWhole ||= data === '[DONE]'
          hear(heard, id, data)
        },
      })
      const decoder = new TextDecoder()
      for await (const bytes of response.body ?? [])
        parser.feed(decoder.decode(bytes as Uint8Array, { stream: true }))
      return isWhole ? { status: response.status, body: {} } : cut
    },
  )
