import { constants } from 'node:os'
import closeWithGrace from 'close-with-grace'
import type { Logger } from 'pino'
import { DUPLICATE_SIGNAL_MS } from './before-signal-exit.js'

/** Told what has failed, when that is why the program ends. */
type Close = (failure?: Error) => Promise<unknown>

export interface Shutdown {
  /** Registers something to close; the last registered is closed first. */
  defer(close: Close): void
  /** Shuts down with exit code 1, because something essential has failed. */
  fail(reason: Error): void
  /** Closes everything after a failed start, and leaves the exit to the caller. */
  closeAll(): Promise<void>
  hasBegun(): boolean
}

/** The signals with which a terminal, npm and a service manager end a program. */
const STOP_SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const
type StopSignal = (typeof STOP_SIGNALS)[number]

/**
 * On a signal or an uncaught error, closes everything registered by then, and exits at the latest after `maxMs`. Before it
 * logs that it has begun, it calls `onBegin`.
 */
export const prepareShutdown = (log: Logger, maxMs: number, onBegin = (): void => {}): Shutdown => {
  const closes: Close[] = []
  let failure: Error | undefined
  let received: { signal: StopSignal; at: number } | undefined
  let hasBegun = false

  const closeAll = async (failed?: Error) => {
    hasBegun = true
    for (const close of closes.splice(0).reverse()) {
      await close(failed).catch((err: unknown) =>
        log.error({ err }, 'failed to close a resource during shutdown'),
      )
    }
  }
  const grace = closeWithGrace(
    { delay: maxMs, logger: log, skip: [...STOP_SIGNALS] },
    async ({ signal = received?.signal, err = failure }) => {
      onBegin()
      if (err) log.fatal({ err }, 'shutting down after a fatal error')
      else log.info({ signal }, 'shutting down')
      await closeAll(err)
      if (err) process.exit(1)
    },
  )
  const onSignal = (signal: StopSignal) => {
    if (received && performance.now() - received.at > DUPLICATE_SIGNAL_MS)
      process.exit(128 + constants.signals[signal])
    if (received) return
    received = { signal, at: performance.now() }
    if (!hasBegun) grace.close()
  }
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal)

  return {
    defer: (close) => closes.push(close),
    fail(reason) {
      if (hasBegun) return
      failure = reason
      grace.close()
    },
    async closeAll() {
      await closeAll()
      // close-with-grace would otherwise force exit code 0.
      grace.uninstall()
      for (const signal of STOP_SIGNALS) process.off(signal, onSignal)
    },
    hasBegun: () => hasBegun,
  }
}
