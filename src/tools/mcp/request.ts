import { AsyncLocalStorage } from 'node:async_hooks'
import { setMaxListeners } from 'node:events'
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client'
import { withTimeout } from '../../concurrency/with-timeout.js'

/** The request under way. */
export interface Exchange {
  /** aborts when it is over, however it ended */
  signal: AbortSignal
  /** how many bytes its answers may have together, and how many of them are left */
  maxBytes: number
  bytesLeft: number
  /** Tells whoever waits for the answer that it will not come. */
  lost(reason: Error): void
  /** Sees, and may change, each result before the SDK does. */
  onResult(result: Record<string, unknown>): void
}

export interface ExchangeOptions {
  signal: AbortSignal
  maxBytes: number
  onResult?: Exchange['onResult']
}

const exchanges = new AsyncLocalStorage<Exchange>()

/** The exchange that the running code belongs to. */
export const currentExchange = (): Exchange | undefined => exchanges.getStore()

/** The error code of an answer that we give in a server's place, where its own broke off. */
export const BROKEN_OFF = 499

/** How long what wants no answer (a cancellation, say) may take to be sent, and how much may come back. */
const NOTIFICATION_MS = 5_000
const NOTIFICATION_BYTES = 65_536

/** How many requests of a server are refused at once; of those past them it hears nothing. */
const MAX_REFUSALS = 10

/**
 * Runs `work`, and ends its HTTP requests with it; rejects when the signal aborts, or an answer breaks off. Its own controller
 * is what the requests listen to: on Node 20 a garbage collection can take away what AbortSignal.any has made.
 */
export const exchange = async <T>(
  { signal, maxBytes, onResult = () => {} }: ExchangeOptions,
  work: () => Promise<T>,
): Promise<T> => {
  const over = new AbortController()
  // A list of a hundred pages is a hundred requests.
  setMaxListeners(0, signal, over.signal)
  let lost: Exchange['lost'] = () => {}
  const breaking = new Promise<never>((_, reject) => {
    lost = reject
  })
  const stop = () => {
    lost(signal.reason)
    over.abort(signal.reason)
  }
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    const current = { signal: over.signal, maxBytes, bytesLeft: maxBytes, lost, onResult }
    return await Promise.race([exchanges.run(current, work), breaking])
  } finally {
    signal.removeEventListener('abort', stop)
    over.abort()
  }
}

/** Shows results to the exchanges that asked for them, before anything else sees them. */
export const showResults = (transport: Transport): void => {
  const asking = new Map<unknown, Exchange>()
  const send = transport.send.bind(transport)
  transport.send = (message, options) => {
    const current = exchanges.getStore()
    if (current && 'method' in message && 'id' in message && !current.signal.aborted) {
      asking.set(message.id, current)
      current.signal.addEventListener('abort', () => asking.delete(message.id), { once: true })
    }
    return send(message, options)
  }
  let handler: Transport['onmessage']
  // The SDK sets its handler more than once, and one that stands there before does not see the first answer.
  Object.defineProperty(transport, 'onmessage', {
    get: () => handler,
    set(next: Transport['onmessage']) {
      handler =
        next &&
        ((message: JSONRPCMessage, extra) => {
          if ('result' in message) asking.get(message.id)?.onResult(message.result)
          next(message, extra)
        })
    },
  })
}

/** The SDK cancels a request of MCP 2025 by a message alone, and waits on when the stream of its answer has ended: this does not. */
export const endExchanges = (transport: Transport): void => {
  const send = transport.send.bind(transport)
  // An exchange of its own: a cancellation is sent when that of the request is over.
  const notify: typeof send = (message, options) =>
    withTimeout(undefined, NOTIFICATION_MS, (signal) =>
      exchange({ signal, maxBytes: NOTIFICATION_BYTES }, () =>
        send(message, { ...options, requestSignal: signal }),
      ),
    )
  let refusals = 0
  transport.send = async (message, options) => {
    const current = exchanges.getStore()
    if (!('method' in message)) {
      // Each is a request of its own, with a token: one answer of a server could ask for ten thousand.
      if (refusals === MAX_REFUSALS) return
      refusals += 1
      return notify(message, options).finally(() => {
        refusals -= 1
      })
    }
    if (!current || !('id' in message)) return notify(message, options)
    return send(message, {
      ...options,
      requestSignal: current.signal,
      // Of no effect where the answer has come.
      onRequestStreamEnd: () =>
        transport.onmessage?.({
          jsonrpc: '2.0',
          id: message.id,
          error: { code: BROKEN_OFF, message: 'The answer broke off.' },
        }),
    })
  }
}
