import { ColloquyError, checkResponse, connectionLost, errorMessage } from './problem.js'
import { sleep, withTimeout } from './timing.js'

type MaybeToken = string | null | undefined
/**
 * A token, or what gives one; called before every request. With `refresh` the server has refused the token that it gave last, which
 * must not be given again from a cache.
 */
export type Token = string | ((options: { refresh: boolean }) => MaybeToken | Promise<MaybeToken>)

export interface CallerOptions {
  url?: string | URL | undefined
  token: Token
  fetch?: typeof fetch | undefined
}

export interface Call {
  method: string
  /** the path and the query, from the server's URL */
  path: string
  headers?: Headers
  /** JSON, or a file */
  body?: string | Blob | undefined
  /** the required media type of the response */
  accept: string
  /** whether it is sent without a token */
  isOpen?: boolean
  /** how long the response may take to begin */
  timeoutMs?: number | undefined
  signal?: AbortSignal | undefined
  /** Called between token() and the request; throws to prevent the request. */
  beforeSend?: (() => void) | undefined
}

/** A response whose body is still to be read. */
export interface Connection {
  response: Response
  /** Called with what a stream tells: it may be later than what the held token stands for. */
  forget(): void
  /** Ends the connection, if it is still open, and lets go of the signal. */
  close(): void
}

export type Open = (call: Call) => Promise<Connection>

const TOKEN_MS = 10_000
/** When a request has had no response for PROBE_AFTER_MS, the liveness probe must answer within PROBE_MS. */
const PROBE_AFTER_MS = 1_000
const PROBE_MS = 1_500
/** Longer than the server waits for a busy conversation, which is a minute at most (CHAT_BUSY_WAIT_MS). */
const RESPONSE_MS = 90_000
const BODY_MS = 30_000

const timeoutError = (milliseconds: number) => () => new Error(`it took longer than ${milliseconds / 1000} s`)
const noToken = (message: string, cause?: unknown) => new ColloquyError(message, { code: 'no-token', cause })

/** Asks for the token. Throws ColloquyError, or the signal's reason. */
const createAuthorizer = (token: Token) => async (refresh: boolean, signal: AbortSignal | undefined) => {
  const work = Promise.resolve().then(() => (typeof token === 'function' ? token({ refresh }) : token))
  const value = await withTimeout(TOKEN_MS, timeoutError(TOKEN_MS), work, signal).catch((error: unknown) => {
    signal?.throwIfAborted()
    if (error instanceof ColloquyError) throw error
    throw noToken(`token() failed: ${errorMessage(error)}`, error)
  })
  if (value === undefined || value === null || value === '') {
    throw new ColloquyError('There is no token: nobody is signed in.', { code: 'signed-out' })
  }
  if (typeof value !== 'string' || value.trim() === '') throw noToken('token() returned what is no token.')
  try {
    return new Headers({ authorization: `Bearer ${value}` }).get('authorization') ?? ''
  } catch (error) {
    throw noToken('token() returned a string that is not valid in an HTTP header.', error)
  }
}

const TOKEN_HEADER = 'consistency-token'

/** Makes requests, each with a fresh token. Throws ColloquyError, or the signal's reason. */
export const createCaller = ({
  url = '',
  token,
  fetch: fetchFn = (...request) => fetch(...request),
}: CallerOptions): Open => {
  const root = String(url).replace(/\/+$/, '')
  const authorize = createAuthorizer(token)
  // Stands for all that was seen and written (the contract's **Reading from replicas**). What was sent before it was forgotten keeps the
  // old one, which nobody reads any more.
  let seen = { token: '' }
  const forget = () => {
    seen = { token: '' }
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

  const send = async (call: Call, headers: Headers): Promise<Connection> => {
    const { method, path, body = null, signal, timeoutMs = RESPONSE_MS } = call
    const controller = new AbortController()
    const onAbort = () => controller.abort(signal?.reason)
    const close = () => {
      signal?.removeEventListener('abort', onAbort)
      controller.abort()
    }
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted) onAbort()
    const responded = new AbortController()
    const isRead = method === 'GET'
    if (!isRead) forget()
    const own = seen
    if (own.token) headers.set(TOKEN_HEADER, own.token)
    try {
      const sent = fetchFn(`${root}${path}`, { method, headers, body, signal: controller.signal })
      const first = Promise.race([sent, detectUnreachable(responded.signal)])
      const response = await withTimeout(timeoutMs, timeoutError(timeoutMs), first, signal)
      const token = response.headers.get(TOKEN_HEADER)
      // A response without one may show or have written something later. And if another write has begun or something was told
      // meanwhile, what is seen of that may lack this write.
      if (!token || (!isRead && own !== seen)) forget()
      else if (token > own.token) own.token = token
      return { response, forget, close }
    } catch (error) {
      forget()
      close()
      signal?.throwIfAborted()
      throw unreachable(error)
    } finally {
      responded.abort()
    }
  }

  const attempt = async (call: Call, authorization: string | undefined): Promise<Connection> => {
    const headers = new Headers(call.headers)
    headers.set('accept', call.accept)
    if (authorization !== undefined) headers.set('authorization', authorization)
    call.beforeSend?.()
    const connection = await send(call, headers)
    try {
      const onTimeout = () => unreachable(timeoutError(BODY_MS)())
      await withTimeout(BODY_MS, onTimeout, checkResponse(connection.response, call.accept), call.signal)
      return connection
    } catch (error) {
      connection.close()
      throw error
    }
  }

  return async (call) => {
    const { signal, isOpen = false } = call
    signal?.throwIfAborted()
    const authorization = isOpen ? undefined : await authorize(false, signal)
    try {
      return await attempt(call, authorization)
    } catch (error) {
      const isRefused = error instanceof ColloquyError && error.code === 'unauthenticated'
      if (!isRefused || isOpen) throw error
      const renewed = await authorize(true, signal)
      if (renewed === authorization) throw error
      return attempt(call, renewed)
    }
  }
}

/** Reads a body whose media type the request has chosen: JSON as a value, anything else as text. */
export const readDocument = async (connection: Connection, signal?: AbortSignal): Promise<unknown> => {
  const { response } = connection
  const isJson = response.headers.get('content-type')?.startsWith('application/json')
  return isJson ? readJson(connection, signal) : readBody(connection, () => response.text(), signal)
}

/** Reads a JSON body. Throws ColloquyError, or the signal's reason. */
export const readJson = <T>(connection: Connection, signal?: AbortSignal): Promise<T> =>
  readBody(connection, () => connection.response.json() as Promise<T>, signal)

const readBody = async <T>(
  { close }: Connection,
  read: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> => {
  const onTimeout = () => connectionLost('The response did not arrive in time.')
  try {
    return await withTimeout(BODY_MS, onTimeout, read(), signal)
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof ColloquyError) throw error
    if (!(error instanceof SyntaxError)) throw connectionLost('The connection was lost.', error)
    throw new ColloquyError('The response is not valid JSON.', { code: 'unexpected-answer', cause: error })
  } finally {
    close()
  }
}
