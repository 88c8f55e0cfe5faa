/** Whether a service is asked: after a failure not for a while, and then by one caller at a time, until it answers again. */
export interface CircuitBreaker {
  /** Whether this caller may ask. */
  mayTry(): boolean
  failed(): void
  answered(): void
}

interface Options {
  pauseMs: number
  now: () => number
  onOpen(): void
  onClose(): void
}

/** Closed at first. */
export const createCircuitBreaker = ({ pauseMs, now, onOpen, onClose }: Options): CircuitBreaker => {
  /** undefined: closed */
  let retryAt: number | undefined
  return {
    mayTry() {
      if (retryAt === undefined) return true
      if (now() < retryAt) return false
      // The others wait for what this one hears.
      retryAt = now() + pauseMs
      return true
    },
    failed() {
      const wasOpen = retryAt !== undefined
      retryAt = now() + pauseMs
      if (!wasOpen) onOpen()
    },
    answered() {
      if (retryAt === undefined) return
      retryAt = undefined
      onClose()
    },
  }
}
