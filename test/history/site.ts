import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { startPooler, throughPooler } from '../../scripts/pooler.js'
import type { Scope } from '../helpers/scope.js'
import { clusterUrl } from '../helpers/template.js'
import { createInstance, type Instance, type InstanceOptions } from './instance.js'
import { asSuperuser, type Killable, owner } from './postgres.js'

/** What a run is about: two instances of the program on a database of its own. */
export interface Site {
  postgres: Killable
  /** the superuser's URL of the database */
  superuserUrl(): string
  instances: Instance[]
  /** where they listen by now */
  urls(): string[]
}

export interface SiteOptions extends Omit<InstanceOptions, 'name' | 'databaseUrl'> {
  postgres: Killable
  /** whether the instances reach PostgreSQL through a PgBouncer */
  pooled: boolean
}

const seedStep = 1_000

export const openSite = async (t: Scope, { postgres, pooled, ...options }: SiteOptions): Promise<Site> => {
  const database = postgres.database ?? `history_${randomBytes(6).toString('hex')}`
  if (!postgres.database) {
    await asSuperuser(postgres.url(), `create database ${database} owner ${owner}`)
    t.teardown(() => asSuperuser(postgres.url(), `drop database ${database} with (force)`))
  }
  const way = async (url: string): Promise<string> => {
    if (!pooled) return url
    const folder = join(options.folder, 'pooler')
    const pooler = await startPooler({ folder, clusterUrl: postgres.wire.url, logins: [owner] })
    t.teardown(() => pooler.stop())
    return throughPooler(url, pooler.port)
  }
  const databaseUrl = await way(clusterUrl(postgres.wire.url, { user: owner, database }))
  const instances = ['s1', 's2'].map((name, i) =>
    createInstance(t, { ...options, name, databaseUrl, seed: options.seed + seedStep * (i + 1) }),
  )
  // They migrate it, one of them first.
  await Promise.all(instances.map((instance) => instance.start()))
  return {
    postgres,
    superuserUrl: () => clusterUrl(postgres.url(), { database }),
    instances,
    urls: () => instances.flatMap((instance) => instance.url() ?? []),
  }
}
