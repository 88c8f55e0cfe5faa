import { fork } from 'node:child_process'
import { once } from 'node:events'
import { endProcess } from './process.js'
import type { Call } from './user.js'

export interface HoldOptions {
  url: string
  /** one connection each */
  calls: Call[]
}

export interface HoldAnswer {
  /** how many have been answered so far, a stream by its first event */
  begun: number
  ended: number
  failed: number
  /** all were asked */
  isHeld?: boolean
}

const worker = new URL('hold-worker.js', import.meta.url)
/** How long ten thousand connections may take to open. */
const openMs = 180_000

/** Opens a connection for each call, in a process of its own, and keeps it open until it is let go. */
export const holdOpen = async (options: HoldOptions, signal: AbortSignal) => {
  const child = fork(worker, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const release = () => endProcess(child, 1_000)
  const next = async (): Promise<HoldAnswer> => {
    const bound = AbortSignal.any([signal, AbortSignal.timeout(openMs)])
    const [answer] = (await once(child, 'message', { signal: bound })) as [HoldAnswer]
    return answer
  }
  try {
    child.send(options)
    const held = await next()
    return {
      ...held,
      /** What has become of them. */
      async count(): Promise<HoldAnswer> {
        child.send('count')
        return next()
      },
      release,
    }
  } catch (error) {
    await release()
    throw error
  }
}
