import { constants } from 'node:os'

/**
 * Aborts on the first SIGINT or SIGTERM, with the signal's name as its reason, and sets the conventional exit code. Without
 * it a script would exit at once, leaving its processes and files behind.
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
