import { type Dispatcher, request } from 'undici'
import { TooLarge, UselessAnswer } from './errors.js'
import { currentExchange, type Exchange } from './request.js'

/** The answer's body, as far as the exchange may read it. */
async function* bounded(body: AsyncIterable<Uint8Array>, exchange: Exchange) {
  for await (const chunk of body) {
    exchange.bytesLeft -= chunk.byteLength
    if (exchange.bytesLeft < 0) {
      const tooLarge = new TooLarge(exchange.maxBytes)
      exchange.lost(tooLarge)
      throw tooLarge
    }
    yield chunk
  }
}

/** The answers that a Response takes no body for. */
const withoutBody = [204, 205, 304]
/** All that the SDK has to know of an answer. */
const knownHeaders = ['content-type', 'mcp-session-id']

export interface GuardedFetchOptions {
  dispatcher: Dispatcher
  /** makes the token of a request; undefined when it goes without one of ours */
  token: (() => Promise<string>) | undefined
}

/**
 * The `fetch` of the requests to a tool server: a fresh token on each, no redirect, a bound for what comes back, and an end with
 * the exchange that it belongs to. Node's own fetch gives up by itself after five minutes, and once the headers have come a
 * garbage collection can part it from its signal.
 */
export const guardedFetch =
  ({ dispatcher, token }: GuardedFetchOptions) =>
  async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    // A stream for what the server wants to say unasked would hold a socket for every session.
    if (init.method === 'GET') return new Response(null, { status: 405 })
    const exchange = currentExchange()
    if (!exchange) throw new Error('a request to a tool server without an end')
    const headers = new Headers(init.headers)
    if (!headers.has('user-agent')) headers.set('user-agent', 'colloquy')
    if (token) headers.set('authorization', `Bearer ${await token()}`)
    const {
      statusCode,
      headers: received,
      body,
    } = await request(url, {
      dispatcher,
      method: init.method as Dispatcher.HttpMethod,
      headers: Object.fromEntries(headers),
      body: (init.body ?? null) as string | null,
      signal: exchange.signal,
    })
    // Who reads it hears of it; where nobody does it must not end the process.
    body.on('error', () => {})
    // A redirect could take the token to anybody.
    if (statusCode >= 300 && statusCode < 400) throw new UselessAnswer('it answered with a redirect')
    const known = knownHeaders.flatMap((name): [string, string][] => {
      const value = received[name]
      return typeof value === 'string' ? [[name, value]] : []
    })
    const answer = withoutBody.includes(statusCode) ? null : ReadableStream.from(bounded(body, exchange))
    return new Response(answer, { status: statusCode, headers: known })
  }
