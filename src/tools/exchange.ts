import { AsyncLocalStorage } from 'node:async_hooks'
import type { StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { limited } from '../limited.js'

/** The request under way: what ends it, and whom to tell that its answer will not come. */
interface Exchange {
  signal: AbortSignal
  lost(reason: Error): void
}

const exchanges = new AsyncLocalStorage<Exchange>()

/** The error code of an answer that we give in a server's place, where its own broke off. */
export const BROKEN_OFF = 499

/** How long what wants no answer (a cancellation, say) may take to be sent. */
const NOTIFICATION_MS = 5_000

/** How many requests of a server are refused at once; of those past them it hears nothing. */
const MAX_REFUSALS = 10

/** A signal that aborts with the first of two. Unlike that of AbortSignal.any, it is held by both. */
const either = (one: AbortSignal, other: AbortSignal | undefined): AbortSignal => {
  const controller = new AbortController()
  for (const signal of [one, ...(other ? [other] : [])]) {
    const stop = () => controller.abort(signal.reason)
    signal.addEventListener('abort', stop, { once: true, signal: controller.signal })
    if (signal.aborted) stop()
  }
  return controller.signal
}

/** Tells whoever waits for the answer that is being read that it will not come. */
export const loseAnswer = (): ((reason: Error) => void) => {
  const exchange = exchanges.getStore()
  return (reason) => exchange?.lost(reason)
}

/** Runs `work`, and ends its HTTP requests with it; rejects when the signal aborts, or an answer breaks off. */
export const exchange = async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
  const over = new AbortController()
  let lost: Exchange['lost'] = () => {}
  const breaking = new Promise<never>((_, reject) => {
    lost = reject
  })
  const end = () => {
    lost(signal.reason)
    over.abort(signal.reason)
  }
  signal.addEventListener('abort', end, { once: true })
  if (signal.aborted) end()
  try {
    return await Promise.race([exchanges.run({ signal: over.signal, lost }, work), breaking])
  } finally {
    signal.removeEventListener('abort', end)
    over.abort()
  }
}

/** The SDK cancels a request of MCP 2025 by a message alone, and waits on when the stream of its answer has ended: this does not. */
export const endExchanges = (transport: StreamableHTTPClientTransport): void => {
  const send = transport.send.bind(transport)
  const notify: typeof send = (message, options) =>
    limited(undefined, NOTIFICATION_MS, (limit) => send(message, { ...options, requestSignal: limit }))
  let refusals = 0
  transport.send = async (message, options) => {
    const exchange = exchanges.getStore()
    if (!('method' in message)) {
      // Each is a request of its own, with a token: one answer of a server could ask for ten thousand.
      if (refusals === MAX_REFUSALS) return
      refusals += 1
      return notify(message, options).finally(() => {
        refusals -= 1
      })
    }
    if (!exchange || !('id' in message)) return notify(message, options)
    return send(message, {
      ...options,
      requestSignal: either(exchange.signal, options?.requestSignal),
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
