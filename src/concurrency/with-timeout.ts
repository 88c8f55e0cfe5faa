/**
 * Runs the work with a signal that aborts with `signal`, or after so many milliseconds, and rejects with its reason even if the
 * work does not heed it. The timer holds what it needs: on Node 20 the garbage collector takes one of AbortSignal.timeout away that
 * only AbortSignal.any, or a fetch that has resolved, knows of, and then nothing ends the work.
 */
export const limited = async <T>(
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
    // Work that heeds the signal ends first, and what it says is more exact.
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
 * A `fetch` whose signal ends the reading of the body, too. On Node 20 what ties the two together can be collected once the headers
 * have come (with `redirect: 'error'` it is), and an answer that stalls after that is waited for, and its connection kept, for ever.
 */
export const abortable =
  (fetch: typeof globalThis.fetch): typeof globalThis.fetch =>
  async (input, init) => {
    const response = await fetch(input, init)
    const { body, status, statusText, headers } = response
    if (!body || !init?.signal) return response
    const ended = body.pipeThrough(new TransformStream(), { signal: init.signal })
    return new Response(ended, { status, statusText, headers })
  }
