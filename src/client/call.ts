import { ColloquyError, checkResponse } from './problem.js'
import { pause, within } from './timing.js'

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
  /** the media type that the answer has to have */
  accept?: string
  signal?: AbortSignal
  /** Throws when the request is not to be sent any more; asked when the token is there. */
  mayGo?: () => void
}

export type Call = (path: string, options?: CallOptions) => Promise<Response>

const tokenMs = 10_000
/** A server that is silent for so long, though it may work, is asked for a sign of life, */
const silentMs = 1_000
/** which comes within so long: both together are how soon an unreachable server is reported. */
const signOfLifeMs = 1_500
/** The server waits for a busy conversation for a minute at most (CHAT_BUSY_WAIT_MS). */
const answerMs = 90_000
const bodyMs = 30_000

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
const late = (milliseconds: number) => () => new Error(`it took longer than ${milliseconds / 1000} s`)
const noToken = (message: string, cause?: unknown) => new ColloquyError(message, { code: 'no-token', cause })

/** Requests as the user, each with a token that is asked for anew. Everything that fails is a ColloquyError, or the signal's reason. */
export const createCaller = ({ url = '', userId, token, fetch: request = fetch }: CallerOptions): Call => {
  const root = url.replace(/\/+$/, '')
  const base = `${root}/api/${encodeURIComponent(userId)}`

  const authorize = async (headers: Headers, signal: AbortSignal | undefined): Promise<void> => {
    const work = Promise.resolve().then(token)
    const value: unknown = await within(tokenMs, late(tokenMs), work, signal).catch((error: unknown) => {
      signal?.throwIfAborted()
      throw noToken(`token() failed: ${messageOf(error)}`, error)
    })
    if (typeof value !== 'string' || value.trim() === '') {
      throw noToken('token() gave no token. Is the user signed in?')
    }
    try {
      headers.set('authorization', `Bearer ${value}`)
    } catch (error) {
      throw noToken('token() gave a text that no header can carry.', error)
    }
  }

  const unreachable = (cause: unknown) => {
    const origin = (globalThis as { location?: { origin?: string } }).location?.origin
    return new ColloquyError(
      `Colloquy cannot be reached at ${root || 'the origin of this page'} (${messageOf(cause)}). Check that the server is running, ` +
        `that the \`url\` option is right and, in a browser, that CHAT_CORS_ORIGINS includes ${origin ?? "the page's origin"}.`,
      { code: 'unreachable', cause },
    )
  }

  /** Rejects when the server does not even answer a probe. */
  const watch = async (answered: AbortSignal): Promise<never> => {
    await pause(silentMs, answered)
    if (!answered.aborted) {
      const probe = request(`${root}/health/live`, { signal: answered })
      const response = await within(signOfLifeMs, () => new Error('it does not answer'), probe, answered)
      void response.body?.cancel().catch(() => {})
    }
    return new Promise<never>(() => {})
  }

  const reach = async (target: string, init: RequestInit, signal: AbortSignal | undefined) => {
    const connection = new AbortController()
    const leave = () => connection.abort(signal?.reason)
    signal?.addEventListener('abort', leave)
    if (signal?.aborted) leave()
    const answered = new AbortController()
    try {
      const answer = request(target, { ...init, signal: connection.signal })
      return await within(answerMs, late(answerMs), Promise.race([answer, watch(answered.signal)]), signal)
    } catch (error) {
      connection.abort()
      signal?.throwIfAborted()
      throw unreachable(error)
    } finally {
      answered.abort()
    }
  }

  return async (path, { headers: given, accept = 'application/json', signal, mayGo, ...init } = {}) => {
    const headers = new Headers(given)
    headers.set('accept', accept)
    if (init.body !== undefined) headers.set('content-type', 'application/json')
    signal?.throwIfAborted()
    await authorize(headers, signal)
    mayGo?.()
    const response = await reach(`${base}${path}`, { ...init, headers }, signal)
    return within(bodyMs, () => unreachable(late(bodyMs)()), checkResponse(response, accept), signal)
  }
}

/** The body of an answer in JSON. */
export const readJson = async <T>(response: Response): Promise<T> =>
  within(
    bodyMs,
    () => new ColloquyError('The answer did not arrive in time.', { code: 'connection-lost' }),
    response.json() as Promise<T>,
  ).catch((cause: unknown) => {
    if (cause instanceof ColloquyError) throw cause
    if (!(cause instanceof SyntaxError)) {
      throw new ColloquyError('The connection was cut.', { code: 'connection-lost', cause })
    }
    throw new ColloquyError('The answer is not JSON.', { code: 'unexpected-answer', cause })
  })
