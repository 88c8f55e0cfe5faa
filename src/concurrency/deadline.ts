/** A time limit that costs nothing until its signal is used. */
export interface Deadline {
  /** Aborts when the time since the first call has elapsed, or `stop` aborts. */
  signal(): AbortSignal
  /** Releases the timer and the listener on `stop`. */
  end(): void
}

/** Not AbortSignal.any, which would keep every waiter's signal alive as long as `stop` lives. */
export const createDeadline = (ms: number, stop: AbortSignal): Deadline => {
  let controller: AbortController | undefined
  let timer: NodeJS.Timeout | undefined
  const abort = () => controller?.abort()
  return {
    signal() {
      if (!controller) {
        controller = new AbortController()
        timer = setTimeout(abort, ms)
        if (stop.aborted) abort()
        else stop.addEventListener('abort', abort, { once: true })
      }
      return controller.signal
    },
    end() {
      if (!controller) return
      clearTimeout(timer)
      stop.removeEventListener('abort', abort)
    },
  }
}
