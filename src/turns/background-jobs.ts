import type { AbortReason } from './types.js'

interface BackgroundJobsOptions {
  log: { warn(fields: object, text: string): void }
  /** what a failed job is logged as */
  failure: string
  /** how long a job may take */
  timeoutMs: number
  /** maximum number of jobs at the same time */
  max: number
}

export interface BackgroundJobs {
  /** Starts a job; over the limit, or while stopping, it is left out. Never throws. A job that fails is logged with the fields. */
  begin(fields: object, work: (signal: AbortSignal) => Promise<void>): void
  /** Accepts no more jobs, aborts the pending ones, and waits until they have released the database. */
  stop(): Promise<void>
}

/** Work that follows a turn and that nobody waits for, such as asking a model for a title. */
export const createBackgroundJobs = ({
  log,
  failure,
  timeoutMs,
  max,
}: BackgroundJobsOptions): BackgroundJobs => {
  let isStopped = false
  const pending = new Map<AbortController, Promise<void>>()

  return {
    begin(fields, work) {
      if (isStopped || pending.size >= max) return
      const abort = new AbortController()
      const timer = setTimeout(() => abort.abort('timeout' satisfies AbortReason), timeoutMs)
      const job = work(abort.signal)
        .catch((err: unknown) => {
          // A job that the shutdown has aborted has not failed.
          if (abort.signal.reason !== ('shutdown' satisfies AbortReason))
            log.warn({ ...fields, err }, failure)
        })
        .finally(() => {
          clearTimeout(timer)
          pending.delete(abort)
        })
      pending.set(abort, job)
    },

    async stop() {
      isStopped = true
      for (const abort of pending.keys()) abort.abort('shutdown' satisfies AbortReason)
      await Promise.all(pending.values())
    },
  }
}
