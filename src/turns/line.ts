/** Lines of waiters, one per name: who comes first goes first, and one at a time is in front. */
export interface Line {
  /**
   * Waits to be in front; gives the function that makes room for the next. Rejects with the signal's reason when
   * that aborts first.
   */
  enter(name: string, signal: AbortSignal): Promise<() => void>
  /** whether anybody is in front or waits */
  isEmpty(name: string): boolean
}

export const createLine = (): Line => {
  const waiting = new Map<string, (() => void)[]>()

  const leave = (name: string): void => {
    const next = waiting.get(name)?.shift()
    if (next) next()
    else waiting.delete(name)
  }

  return {
    isEmpty: (name) => !waiting.has(name),
    async enter(name, signal) {
      signal.throwIfAborted()
      const queue = waiting.get(name)
      if (!queue) waiting.set(name, [])
      else {
        await new Promise<void>((resolve, reject) => {
          const onAbort = () => {
            queue.splice(queue.indexOf(go), 1)
            reject(signal.reason)
          }
          const go = () => {
            signal.removeEventListener('abort', onAbort)
            resolve()
          }
          signal.addEventListener('abort', onAbort, { once: true })
          queue.push(go)
        })
      }
      return () => leave(name)
    },
  }
}
