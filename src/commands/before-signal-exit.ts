import { constants } from 'node:os'

type Close = (signal: NodeJS.Signals) => Promise<unknown>

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** One Ctrl-C arrives twice, from the terminal and from npm; a later one means that the user does not want to wait. */
export const DUPLICATE_SIGNAL_MS = 1_000

const closes = new Set<Close>()
let receivedAt: number | undefined

const onSignal = async (signal: NodeJS.Signals): Promise<void> => {
  const code = 128 + constants.signals[signal]
  if (receivedAt !== undefined) {
    if (performance.now() - receivedAt > DUPLICATE_SIGNAL_MS) process.exit(code)
    return
  }
  receivedAt = performance.now()
  await Promise.allSettled([...closes].map((close) => close(signal)))
  process.exit(code)
}

/**
 * Has a signal close what a command has opened before it ends the process: a PostgreSQL and tool servers have sessions or process
 * groups of their own, which a terminal's Ctrl-C does not reach. Returns a function that takes it back.
 */
export const beforeSignalExit = (close: Close): (() => void) => {
  if (closes.size === 0 && !isExiting()) for (const signal of signals) process.on(signal, onSignal)
  closes.add(close)
  return () => {
    closes.delete(close)
    // What is taken back while a signal closes it must not let the next signal, npm's copy of it, end the process at once.
    if (closes.size === 0 && !isExiting()) for (const signal of signals) process.off(signal, onSignal)
  }
}

/** Whether a signal is ending the process: what fails from then on is no news. */
export const isExiting = (): boolean => receivedAt !== undefined
