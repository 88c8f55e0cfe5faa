/** Settles like `work`, or rejects with the signal's reason if that aborts first. */
export const untilAborted = <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', stop))
}
