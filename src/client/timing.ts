/** Settles with the work, or rejects with the signal's reason when that aborts first. */
export const untilAborted = <T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> =>
  new Promise<T>((resolve, reject) => {
    const stop = () => reject(signal?.reason)
    signal?.addEventListener('abort', stop)
    if (signal?.aborted) stop()
    work.then(resolve, reject).finally(() => signal?.removeEventListener('abort', stop))
  })

/**
 * Settles with the work, or rejects when the signal aborts or the time is over. With a timer of its own:
 * AbortSignal.timeout and any are missing in some browsers, and Node 20's garbage collector loses their limit.
 */
export const within = <T>(
  milliseconds: number,
  late: () => Error,
  work: Promise<T>,
  signal?: AbortSignal,
): Promise<T> =>
  new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), milliseconds)
    untilAborted(work, signal)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer))
  })

/** Waits; ends at once when one of the signals aborts. */
export const pause = (milliseconds: number, ...signals: (AbortSignal | undefined)[]): Promise<void> =>
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
