import { loseAnswer } from './exchange.js'

/** An answer that is longer than it may be. */
export class TooLarge extends Error {}

const bounded = (body: ReadableStream<Uint8Array>, maxBytes: number): ReadableStream<Uint8Array> => {
  const lost = loseAnswer()
  let bytes = 0
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength
        if (bytes <= maxBytes) return controller.enqueue(chunk)
        const tooLarge = new TooLarge(`its answer has more than ${maxBytes} bytes`)
        lost(tooLarge)
        throw tooLarge
      },
    }),
  )
}

export interface GuardedFetchOptions {
  /** makes the token of a request; undefined when it goes without one of ours */
  token: (() => Promise<string>) | undefined
  /** how many bytes of an answer are read */
  maxBytes: number
}

/** The `fetch` of the requests to a tool server: a fresh token on each, no redirect, and a bound for what comes back. */
export const guardedFetch =
  ({ token, maxBytes }: GuardedFetchOptions) =>
  async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    // A stream for what the server wants to say unasked would hold a socket for every session.
    if (init.method === 'GET') return new Response(null, { status: 405 })
    const headers = new Headers(init.headers)
    if (token) headers.set('authorization', `Bearer ${await token()}`)
    // A redirect could take the token to anybody.
    const response = await fetch(url, { ...init, headers, redirect: 'error' })
    const { status, statusText, body } = response
    return new Response(body && bounded(body, maxBytes), { status, statusText, headers: response.headers })
  }
