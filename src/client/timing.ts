/** Settles with the work, or rejects with the signal's reason when that aborts first. */
export const untilAborted = <T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> =>
  new Promise<T>((resolve, reject) => {
    const stop = () => reject(signal?.reason)
    signal?.addEventListener('abort', stop)
    if (signal?.aborted) stop()
    work.then(resolve, reject).finally(() => signal?.removeEventListener('abort', stop))
  })

/**
 * Settles with the work, or rejects when the signal aborts or the time is over. It uses its own timer, because some browsers lack
 * AbortSignal.timeout and AbortSignal.any, and on Node 20 they can be garbage-collected before they fire.
 */
export const withTimeout = <T>(
  milliseconds: number,
  timeoutError: () => Error,
  work: Promise<T>,
  signal?: AbortSignal,
): Promise<T> =>
  new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(timeoutError()), milliseconds)
    untilAborted(work, signal)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer))
  })

/** Waits for a time, or until one of the signals aborts. */
export const sleep = (milliseconds: number, ...signals: (AbortSignal | undefined)[]): Promise<void> =>
  new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      for (const signal of signals) signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, milliseconds)
    for (const signal of signals) {
      signal?.addEventListener('abort', end)
      if (signal?.aborted) end()
    }
  })
