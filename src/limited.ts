/**
 * Runs the work with a signal that aborts with `signal`, or after so many milliseconds. On Node 20 the garbage collector takes
 * an AbortSignal.timeout() away that only AbortSignal.any() knows of, and then nothing ends the work.
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
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted) stop()
  try {
    return await work(limit.signal)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
  }
}
