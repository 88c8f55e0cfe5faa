import { constants } from 'node:os'

/**
 * Aborts at the first Ctrl-C or SIGTERM, with the signal as its reason, and sets the exit code that shells expect:
 * a script that listens ends what it started and removes what it made, where it would otherwise die at once.
 */
export const interrupted = (): AbortSignal => {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      process.exitCode ??= 128 + constants.signals[signal]
      controller.abort(signal)
    })
  }
  return controller.signal
}
