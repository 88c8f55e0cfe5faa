/**
 * A server like `colloquy serve` with a model that streams words at a fixed pace. With BENCH_STORES=nothing its heartbeat
 * sends no events, to measure streaming without storage.
 */
import type { PendingQuery } from 'postgres'
import type { Database, Sql } from '../../src/db/database.js'
import type { SyncEntry } from '../../src/turns/store/sync-attempts.js'
import { serveModel } from './serve-model.js'
import { speaker } from './speech.js'

const forgetful = (sql: Sql): Sql =>
  new Proxy(sql, {
    apply(target, self, [strings, ...values]: [TemplateStringsArray, ...unknown[]]) {
      if (strings.some((part) => part.includes('colloquy.sync_attempts'))) {
        // The first parameter holds the entries of all turns.
        const [parameter] = values as [{ value: SyncEntry[] }]
        for (const entry of parameter.value) entry.events = null
      }
      return Reflect.apply(target as never, self, [strings, ...values])
    },
  })

const storingNothing = (db: Database): Database => ({
  ...db,
  statement: <T extends readonly (object | undefined)[]>(work: (sql: Sql) => PendingQuery<T>) =>
    db.statement((sql) => work(forgetful(sql))),
})

await (process.env.BENCH_STORES === 'nothing' ? serveModel(speaker, storingNothing) : serveModel(speaker))
