/** A bounded wait that costs nothing until somebody has to wait. */
export interface Deadline {
  /** Aborts when the time since the first call is over, or `stop` has aborted. */
  signal(): AbortSignal
  /** Lets go of the timer and of `stop`. */
  end(): void
}

/** AbortSignal.any would keep every waiter's signal alive for as long as `stop` lives. */
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
