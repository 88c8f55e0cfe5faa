import type { ToolProgress } from '../../tools/tool.js'

/** The pause after a report: half a second, and more the longer the call runs, so that even an hour has about 300 reports. */
const MIN_PAUSE_MS = 500
const PAUSES_PER_CALL = 50

export interface ProgressThrottle {
  report(progress: ToolProgress): void
  /** The call has ended: passes on what still waits, unless the turn has ended, too. */
  end(): void
}

/** Passes on a call's progress, the latest report after each pause. Progress only grows; a report that falls back is dropped. */
export const createProgressThrottle = (
  signal: AbortSignal,
  emit: (progress: ToolProgress) => void,
): ProgressThrottle => {
  const beganAt = performance.now()
  let highest = Number.NEGATIVE_INFINITY
  let waiting: ToolProgress | undefined
  let timer: NodeJS.Timeout | undefined
  let hasEnded = false

  const flush = (): void => {
    timer = undefined
    if (!waiting || signal.aborted) return
    const latest = waiting
    waiting = undefined
    emit(latest)
    if (hasEnded) return
    timer = setTimeout(flush, Math.max(MIN_PAUSE_MS, (performance.now() - beganAt) / PAUSES_PER_CALL))
  }

  return {
    report(progress) {
      if (hasEnded || progress.progress < highest) return
      highest = progress.progress
      waiting = progress
      if (!timer) flush()
    },
    end() {
      hasEnded = true
      clearTimeout(timer)
      flush()
    },
  }
}
