import { createFairQueue, type FairQueue } from '../concurrency/fair-queue.js'
import type { Connection } from './connection.js'
import type { Queue } from './database.js'
import { connectionError, DatabaseUnavailable, isTooManyConnections } from './errors.js'

interface Waiter {
  resolve(connection: Connection): void
  reject(error: DatabaseUnavailable): void
}

/** How many connections and callers there are. */
interface PoolState {
  used: number
  idle: number
  opening: number
  waiting: Record<Queue, number>
}

interface Pool {
  /** Lends a connection until it is released. `owner`: on whose behalf; the owners of a queue take turns. Rejects with DatabaseUnavailable on a timeout or when too many callers wait. */
  acquire(queue: Queue, owner?: string, timeoutMs?: number): Promise<Connection>
  release(connection: Connection): void
  state(): PoolState
  /** Closes every open connection as soon as it is released: its server can no longer be used. */
  retireAll(): void
  close(graceMs: number): Promise<void>
}

interface PoolOptions {
  open(onLost: (connection: Connection) => void): Promise<Connection>
  max: number
  acquireTimeoutMs: number
  /** maximum number of waiting callers */
  maxWaiting: number
}

/** How long to wait before asking a full server for another connection. */
const fullPauseMs = 1_000

const poolClosing = () => new DatabaseUnavailable(connectionError('CLOSING', 'the pool is closing'))

/** Up to `max` connections, opened on demand. Probes go first; the other two queues alternate. */
export const createPool = ({ open, max, acquireTimeoutMs, maxWaiting }: PoolOptions): Pool => {
  const all = new Set<Connection>()
  const idle: Connection[] = []
  const retired = new WeakSet<Connection>()
  const queues: Record<Queue, FairQueue<Waiter>> = {
    turns: createFairQueue(),
    others: createFairQueue(),
    probes: createFairQueue(),
  }
  let last: Queue = 'turns'
  let opening = 0
  let pausedUntil = 0
  let closing: (() => void) | undefined

  const waiting = (): number => queues.turns.size + queues.others.size + queues.probes.size

  const nextWaiter = (): Waiter | undefined => {
    if (queues.probes.size > 0) return queues.probes.shift()?.item
    const other = last === 'turns' ? 'others' : 'turns'
    if (queues[other].size > 0) last = other
    return queues[last].shift()?.item
  }

  const forget = (connection: Connection): void => {
    all.delete(connection)
    const index = idle.indexOf(connection)
    if (index >= 0) idle.splice(index, 1)
    grow()
  }

  const serve = (connection: Connection): void => {
    if (!connection.isAlive()) return
    if (retired.has(connection)) connection.destroy()
    else if (closing) void connection.end()
    else {
      const waiter = nextWaiter()
      if (waiter) waiter.resolve(connection)
      else idle.push(connection)
    }
  }

  const grow = (): void => {
    if (closing && all.size + opening === 0) closing()
    if (closing || opening >= waiting() || all.size + opening >= max) return
    if (all.size > 0 && performance.now() < pausedUntil) return
    opening += 1
    open(forget)
      .finally(() => {
        opening -= 1
      })
      .then(
        (connection) => {
          all.add(connection)
          serve(connection)
        },
        (error: unknown) => {
          // A full server still serves the open connections; waiters get one of those.
          if (all.size > 0 && isTooManyConnections(error)) pausedUntil = performance.now() + fullPauseMs
          // One failed attempt rejects one waiter: no reconnect storm, and nobody waits in vain.
          else nextWaiter()?.reject(new DatabaseUnavailable(error))
        },
      )
      .then(grow)
  }

  return {
    acquire(queue, owner = '', timeoutMs = acquireTimeoutMs) {
      if (closing) return Promise.reject(poolClosing())
      const connection = idle.pop()
      if (connection) return Promise.resolve(connection)
      if (waiting() >= maxWaiting) {
        const full = connectionError('FULL', `${maxWaiting} requests are already waiting for a connection`)
        return Promise.reject(new DatabaseUnavailable(full))
      }
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          queues[queue].remove(owner, waiter)
          waiter.reject(
            new DatabaseUnavailable(connectionError('WAIT', `no free connection within ${timeoutMs} ms`)),
          )
        }, timeoutMs)
        const waiter: Waiter = {
          resolve: (connection) => {
            clearTimeout(timer)
            resolve(connection)
          },
          reject: (error) => {
            clearTimeout(timer)
            reject(error)
          },
        }
        queues[queue].push(owner, waiter)
        grow()
      })
    },

    release: serve,

    state: () => ({
      used: all.size - idle.length,
      idle: idle.length,
      opening,
      waiting: { turns: queues.turns.size, others: queues.others.size, probes: queues.probes.size },
    }),

    retireAll() {
      for (const connection of all) retired.add(connection)
      for (const connection of idle.splice(0)) connection.destroy()
    },

    async close(graceMs) {
      const closed = new Promise<void>((resolve) => {
        closing = resolve
      })
      for (const waiter of Object.values(queues).flatMap((queue) => queue.clear()))
        waiter.reject(poolClosing())
      const timer = setTimeout(() => {
        for (const connection of all) connection.destroy()
      }, graceMs)
      for (const connection of idle.splice(0)) void connection.end()
      grow()
      await closed
      clearTimeout(timer)
    },
  }
}
