/** A FIFO mutex per key. */
interface KeyedMutex {
  /** Resolves with the release function. Rejects with the signal's reason when that aborts first. */
  acquire(key: string, signal: AbortSignal): Promise<() => void>
  /** whether the key is neither held nor waited for */
  isFree(key: string): boolean
}

export const createKeyedMutex = (): KeyedMutex => {
  const waiting = new Map<string, (() => void)[]>()

  const release = (key: string): void => {
    const next = waiting.get(key)?.shift()
    if (next) next()
    else waiting.delete(key)
  }

  return {
    isFree: (key) => !waiting.has(key),
    async acquire(key, signal) {
      signal.throwIfAborted()
      const queue = waiting.get(key)
      if (!queue) waiting.set(key, [])
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
      return () => release(key)
    },
  }
}
