import closeWithGrace from 'close-with-grace'
import type { Logger } from 'pino'

type Close = () => Promise<unknown>

export interface Ending {
  /** Has this closed at the end, before what was handed over earlier. */
  closeFirst(close: Close): void
  /** Ends the program with exit code 1, because something it cannot do without is gone. */
  fail(reason: Error): void
  /** Closes everything for a start that failed by itself, and leaves the exit to the caller. */
  abandon(): Promise<void>
  isUnderWay(): boolean
}

/** The terminal and npm both send the one Ctrl-C; only a later one means that the user does not want to wait. */
const sameInterruptMs = 1_000

/** From here on a signal or an uncaught error closes, in order, what is open by then; `boundMs` later it ends anyway. */
export const prepareEnding = (log: Logger, boundMs: number): Ending => {
  const closes: Close[] = []
  let failure: Error | undefined
  let interruptedAt: number | undefined
  let isUnderWay = false

  const closeAll = async () => {
    isUnderWay = true
    for (const close of closes.splice(0).reverse()) {
      await close().catch((err: unknown) => log.error({ err }, 'something did not close'))
    }
  }
  const grace = closeWithGrace(
    { delay: boundMs, logger: log, skip: ['SIGINT'] },
    async ({ signal = 'SIGINT', err = failure }) => {
      if (err) log.fatal({ err }, 'ending after an error')
      else log.info({ signal }, 'shutting down')
      await closeAll()
      if (err) process.exit(1)
    },
  )
  const onInterrupt = () => {
    if (interruptedAt === undefined && !isUnderWay) grace.close()
    else if (performance.now() - (interruptedAt ?? 0) > sameInterruptMs) process.exit(130)
    interruptedAt ??= performance.now()
  }
  process.on('SIGINT', onInterrupt)

  return {
    closeFirst: (close) => closes.push(close),
    fail(reason) {
      if (isUnderWay) return
      failure = reason
      grace.close()
    },
    async abandon() {
      await closeAll()
      // It would make an exit with 0 of every end.
      grace.uninstall()
      process.off('SIGINT', onInterrupt)
    },
    isUnderWay: () => isUnderWay,
  }
}
