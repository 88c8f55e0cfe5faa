import { AsyncLocalStorage } from 'node:async_hooks'
import { setMaxListeners } from 'node:events'
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client'
import { withTimeout } from '../../concurrency/with-timeout.js'
import type { ProgressListener } from './progress.js'

/** The MCP request that the running code belongs to; it may take several HTTP requests. */
export interface RequestContext {
  /** aborts when the request has ended, however it ended */
  signal: AbortSignal
  /** the size limit for all its responses together, and what remains of it */
  maxBytes: number
  bytesLeft: number
  /** Rejects the request. */
  fail(reason: Error): void
  /** Sees each result before the SDK does, and may change it. */
  onResult(result: Record<string, unknown>): void
  /** who is told of its progress */
  progress: ProgressListener | undefined
}

export interface RequestOptions {
  signal: AbortSignal
  maxBytes: number
  onResult?: RequestContext['onResult']
  progress?: ProgressListener | undefined
}

const contexts = new AsyncLocalStorage<RequestContext>()

export const currentRequest = (): RequestContext | undefined => contexts.getStore()

/** The code of the error response that we substitute when a server closes the stream without a response. */
export const STREAM_CLOSED = 499

/** The limits for messages without a response, such as a cancellation. */
const NOTIFICATION_MS = 5_000
const NOTIFICATION_BYTES = 65_536

/** How many server requests are answered (with a refusal) at a time; further ones are ignored. */
const MAX_REFUSALS = 10

/**
 * Runs `work`, and aborts its HTTP requests when it ends. Rejects when the signal aborts or a response is cut off. The requests
 * listen to a controller created here, because Node 20 may garbage-collect a signal made by AbortSignal.any.
 */
export const runRequest = async <T>(
  { signal, maxBytes, onResult = () => {}, progress }: RequestOptions,
  work: () => Promise<T>,
): Promise<T> => {
  const ended = new AbortController()
  // A list of a hundred pages makes a hundred HTTP requests.
  setMaxListeners(0, signal, ended.signal)
  let fail: RequestContext['fail'] = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  const onAbort = () => {
    fail(signal.reason)
    ended.abort(signal.reason)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    const context = { signal: ended.signal, maxBytes, bytesLeft: maxBytes, fail, onResult, progress }
    return await Promise.race([contexts.run(context, work), failed])
  } finally {
    signal.removeEventListener('abort', onAbort)
    ended.abort()
  }
}

/** Passes each result to its request's `onResult` before the SDK processes it. */
export const interceptResults = (transport: Transport): void => {
  const pending = new Map<unknown, RequestContext>()
  const send = transport.send.bind(transport)
  transport.send = (message, options) => {
    const context = contexts.getStore()
    if (context && 'method' in message && 'id' in message && !context.signal.aborted) {
      pending.set(message.id, context)
      context.signal.addEventListener('abort', () => pending.delete(message.id), { once: true })
    }
    return send(message, options)
  }
  let handler: Transport['onmessage']
  // The SDK sets `onmessage` several times, and a handler set before it would miss the first response.
  Object.defineProperty(transport, 'onmessage', {
    get: () => handler,
    set(next: Transport['onmessage']) {
      handler =
        next &&
        ((message: JSONRPCMessage, extra) => {
          if ('result' in message) pending.get(message.id)?.onResult(message.result)
          next(message, extra)
        })
    },
  })
}

/**
 * Ends HTTP requests with the MCP request that made them. For MCP 2025 the SDK only sends a cancellation message, and it keeps
 * waiting after the response's stream has ended.
 */
export const boundRequests = (transport: Transport): void => {
  const send = transport.send.bind(transport)
  // With a context of its own: a cancellation is sent after its request has ended.
  const notify: typeof send = (message, options) =>
    withTimeout(undefined, NOTIFICATION_MS, (signal) =>
      runRequest({ signal, maxBytes: NOTIFICATION_BYTES }, () =>
        send(message, { ...options, requestSignal: signal }),
      ),
    )
  let refusals = 0
  transport.send = async (message, options) => {
    const context = contexts.getStore()
    if (!('method' in message)) {
      // Each refusal is an HTTP request with a token, and one response could contain ten thousand server requests.
      if (refusals === MAX_REFUSALS) return
      refusals += 1
      return notify(message, options).finally(() => {
        refusals -= 1
      })
    }
    if (!context || !('id' in message)) return notify(message, options)
    return send(message, {
      ...options,
      requestSignal: context.signal,
      // The SDK ignores this when the response has arrived.
      onRequestStreamEnd: () =>
        transport.onmessage?.({
          jsonrpc: '2.0',
          id: message.id,
          error: { code: STREAM_CLOSED, message: 'The stream ended without a response.' },
        }),
    })
  }
}
