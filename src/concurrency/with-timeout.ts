/**
 * Runs `work` with a signal that aborts with `signal` or after the timeout, and rejects with its reason even if `work`
 * ignores it. The timer holds a reference to the controller: on Node 20 an AbortSignal.timeout that only AbortSignal.any or
 * a resolved fetch refers to can be garbage-collected, and then never fires.
 */
export const withTimeout = async <T>(
  signal: AbortSignal | undefined,
  milliseconds: number,
  work: (limit: AbortSignal) => Promise<T>,
): Promise<T> => {
  const limit = new AbortController()
  const stop = () => limit.abort(signal?.reason)
  const timer = setTimeout(
    () => limit.abort(new DOMException('It took too long.', 'TimeoutError')),
    milliseconds,
  )
  const over = new Promise<never>((_, reject) => {
    // Work that heeds the signal settles first, with a more precise error.
    const end = () => setImmediate(reject, limit.signal.reason)
    limit.signal.addEventListener('abort', end, { once: true })
  })
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted) stop()
  try {
    return await Promise.race([work(limit.signal), over])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
  }
}

/**
 * Wraps `fetch` so that its signal also aborts reading the body. On Node 20 the link between the two can be garbage-collected
 * once the headers have arrived (with `redirect: 'error'` it is); a response that stalls after that would hang forever.
 */
export const withAbortableBody =
  (fetch: typeof globalThis.fetch): typeof globalThis.fetch =>
  async (input, init) => {
    const response = await fetch(input, init)
    const { body, status, statusText, headers } = response
    if (!body || !init?.signal) return response
    const ended = body.pipeThrough(new TransformStream(), { signal: init.signal })
    return new Response(ended, { status, statusText, headers })
  }
