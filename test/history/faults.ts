import { setTimeout as sleep } from 'node:timers/promises'
import { moveShard } from './citus.js'
import type { Instance } from './instance.js'
import { asSuperuser, owner } from './postgres.js'
import { createRandom, type Random } from './random.js'
import type { Site } from './site.js'

/** What faults happen to. */
export interface Target extends Omit<Site, 'urls'> {
  leaseMs: number
  random: Random
}

type Inject = (site: Target) => Promise<unknown>

const someInstance = ({ instances, random }: Target): Instance => {
  const instance = random.pick(instances)
  if (!instance) throw new Error('there is no instance')
  return instance
}

const again =
  (signal: NodeJS.Signals): Inject =>
  async (site) => {
    const instance = someInstance(site)
    await instance.end(signal)
    await instance.start()
  }

/** Each is over when everything runs again. */
const injections = {
  'kill-instance': again('SIGKILL'),
  'restart-instance': again('SIGTERM'),
  /** It stands still for longer than its leases last, and mostly than another attempt takes, and does not know. */
  'pause-instance': async (site) => {
    const instance = someInstance(site)
    instance.signal('SIGSTOP')
    // Past the second for which a lapse has to last before anybody acts on it.
    await sleep(1_200 + site.leaseMs * (1 + 2 * site.random.next()))
    instance.signal('SIGCONT')
  },
  'terminate-backends': async ({ superuserUrl, random }) =>
    asSuperuser(
      superuserUrl(),
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and usename = '${owner}' and random() < ${0.2 + 0.8 * random.next()}`,
    ),
  /** What the servers sent arrives and is done; its answers do not come. */
  'cut-wire': async ({ postgres }) => postgres.wire.cut(),
  'kill-postgres': async ({ postgres }) => postgres.killAndRestart(),
  /** All leases run out, of instances that live. */
  outage: async ({ postgres, leaseMs }) => postgres.killAndRestart(2 * leaseMs),
  /** of a distributed database alone */
  'move-shard': async ({ superuserUrl, random }) => moveShard(superuserUrl(), (count) => random.below(count)),
} as const satisfies { [name: string]: Inject }

export type Fault = keyof typeof injections

const everyFault = Object.keys(injections) as Fault[]

/** Of a database on one server. */
export const faultNames = everyFault.filter((name) => name !== 'move-shard')

/** Of one that is distributed, in which shards move more often than anything else happens. */
export const citusFaultNames = [...everyFault, 'move-shard', 'move-shard'] satisfies Fault[]

/** So many faults, every kind as often as any other, in an order that the seed decides. */
export const drawFaults = (seed: number, count: number, names: readonly Fault[] = faultNames): Fault[] => {
  const random = createRandom(seed)
  return Array.from({ length: count }, (_, i) => names[i % names.length] as Fault)
    .map((fault) => ({ fault, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ fault }) => fault)
}

export const inject = (fault: Fault, site: Target): Promise<unknown> => injections[fault](site)
