import { setTimeout as sleep } from 'node:timers/promises'
import type { Scope } from '../helpers/scope.js'
import { spawnPart } from './part.js'
import type { WorkloadOptions, WorkloadOrder } from './workload.js'

/** The client processes of a run. */
export interface Crew {
  /** Tells them where the servers are; they begin, or go on there. */
  lead(urls: string[]): void
  /** how many turns were acknowledged to them so far; throws when one of them has ended */
  acknowledged(): number
  /** Lets them end what is under way; rejects when one does not, or ended before. */
  end(): Promise<void>
}

export interface CrewOptions extends Omit<WorkloadOptions, 'name'> {
  program: string
  size: number
}

const endMs = 20_000

export const startCrew = (t: Scope, { program, size, ...options }: CrewOptions): Crew => {
  let acknowledged = 0
  let isEnding = false
  let failure: Error | undefined
  const clients = Array.from({ length: size }, (_, i) => {
    const work: WorkloadOptions = { ...options, name: `c${i + 1}`, seed: options.seed + i }
    const client = spawnPart(t, program, 'workload.ts', work)
    client.child.on('message', () => {
      acknowledged += 1
    })
    void client.ended.then((how) => {
      if (!isEnding) failure ??= new Error(`client ${work.name} ended with ${how}: ${client.words()}`)
    })
    return client
  })
  const tell = (order: WorkloadOrder) => {
    for (const { child } of clients) if (child.connected) child.send(order)
  }
  return {
    lead: (urls) => tell({ urls }),
    acknowledged() {
      if (failure) throw failure
      return acknowledged
    },
    async end() {
      isEnding = true
      tell('end')
      const late = sleep(endMs, 'late' as const, { ref: false })
      for (const { ended, words } of clients) {
        const code = await Promise.race([ended, late])
        if (code !== 0) throw new Error(`a client did not end well (${code}): ${words()}`)
      }
    },
  }
}
