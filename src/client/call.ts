import { ColloquyError, checkResponse } from './problem.js'
import { sleep, withTimeout } from './timing.js'

export interface CallerOptions {
  url?: string | undefined
  userId: string
  token: () => string | Promise<string>
  fetch?: typeof fetch | undefined
}

export interface CallOptions {
  method?: string
  headers?: Headers | undefined
  body?: string
  /** the required media type of the response */
  accept?: string
  signal?: AbortSignal
  /** Called between token() and the request; throws to prevent the request. */
  beforeSend?: () => void
}

export type Call = (path: string, options?: CallOptions) => Promise<Response>

const TOKEN_MS = 10_000
/** When a request has had no response for PROBE_AFTER_MS, the liveness probe must answer within PROBE_MS. */
const PROBE_AFTER_MS = 1_000
const PROBE_MS = 1_500
/** Longer than the server waits for a busy conversation, which is a minute at most (CHAT_BUSY_WAIT_MS). */
const RESPONSE_MS = 90_000
const BODY_MS = 30_000

const errorMessage = (error: unknown) => (error instanceof Error ? error.message : String(error))
const timeoutError = (milliseconds: number) => () => new Error(`it took longer than ${milliseconds / 1000} s`)
const noToken = (message: string, cause?: unknown) => new ColloquyError(message, { code: 'no-token', cause })

/** Makes requests as the user, each with a fresh token. Throws ColloquyError, or the signal's reason. */
export const createCaller = ({ url = '', userId, token, fetch: fetchFn = fetch }: CallerOptions): Call => {
  const root = url.replace(/\/+$/, '')
  const base = `${root}/api/${encodeURIComponent(userId)}`

  const authorize = async (headers: Headers, signal: AbortSignal | undefined): Promise<void> => {
    const work = Promise.resolve().then(token)
    const value: unknown = await withTimeout(TOKEN_MS, timeoutError(TOKEN_MS), work, signal).catch(
      (error: unknown) => {
        signal?.throwIfAborted()
        throw noToken(`token() failed: ${errorMessage(error)}`, error)
      },
    )
    if (typeof value !== 'string' || value.trim() === '') {
      throw noToken('token() returned no token. Is the user signed in?')
    }
    try {
      headers.set('authorization', `Bearer ${value}`)
    } catch (error) {
      throw noToken('token() returned a string that is not valid in an HTTP header.', error)
    }
  }

  const unreachable = (cause: unknown) => {
    const origin = (globalThis as { location?: { origin?: string } }).location?.origin
    return new ColloquyError(
      `Colloquy cannot be reached at ${root || 'the origin of this page'} (${errorMessage(cause)}). Check that the server is running, ` +
        `that the \`url\` option is right and, in a browser, that CHAT_CORS_ORIGINS includes ${origin ?? "the page's origin"}.`,
      { code: 'unreachable', cause },
    )
  }

  /** Rejects when the server answers neither the request nor a liveness probe. */
  const detectUnreachable = async (responded: AbortSignal): Promise<never> => {
    await sleep(PROBE_AFTER_MS, responded)
    if (!responded.aborted) {
      const probe = fetchFn(`${root}/health/live`, { signal: responded })
      const response = await withTimeout(PROBE_MS, () => new Error('it does not answer'), probe, responded)
      void response.body?.cancel().catch(() => {})
    }
    return new Promise<never>(() => {})
  }

  const send = async (target: string, init: RequestInit, signal: AbortSignal | undefined) => {
    const connection = new AbortController()
    const onAbort = () => connection.abort(signal?.reason)
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted) onAbort()
    const responded = new AbortController()
    try {
      const response = fetchFn(target, { ...init, signal: connection.signal })
      const first = Promise.race([response, detectUnreachable(responded.signal)])
      return await withTimeout(RESPONSE_MS, timeoutError(RESPONSE_MS), first, signal)
    } catch (error) {
      connection.abort()
      signal?.throwIfAborted()
      throw unreachable(error)
    } finally {
      responded.abort()
    }
  }

  return async (path, { headers: given, accept = 'application/json', signal, beforeSend, ...init } = {}) => {
    const headers = new Headers(given)
    headers.set('accept', accept)
    if (init.body !== undefined) headers.set('content-type', 'application/json')
    signal?.throwIfAborted()
    await authorize(headers, signal)
    beforeSend?.()
    const response = await send(`${base}${path}`, { ...init, headers }, signal)
    const onTimeout = () => unreachable(timeoutError(BODY_MS)())
    return withTimeout(BODY_MS, onTimeout, checkResponse(response, accept), signal)
  }
}

/** Reads a JSON body. Throws ColloquyError. */
export const readJson = async <T>(response: Response): Promise<T> =>
  withTimeout(
    BODY_MS,
    () => new ColloquyError('The response did not arrive in time.', { code: 'connection-lost' }),
    response.json() as Promise<T>,
  ).catch((cause: unknown) => {
    if (cause instanceof ColloquyError) throw cause
    if (!(cause instanceof SyntaxError)) {
      throw new ColloquyError('The connection was lost.', { code: 'connection-lost', cause })
    }
    throw new ColloquyError('The response is not valid JSON.', { code: 'unexpected-answer', cause })
  })
