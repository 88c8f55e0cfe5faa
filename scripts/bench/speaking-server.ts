/**
 * A server like `colloquy serve` whose model speaks at a pace. With BENCH_STORES=nothing its ticks go out without the
 * events: what streaming costs where nothing of it is stored.
 */
import type { PendingQuery } from 'postgres'
import type { Database, Sql } from '../../src/db/database.js'
import { serveModel } from './serve-model.js'
import { speaker } from './speech.js'

/** Which parameter of the tick's statement has the events, one text or null for each turn. */
const eventsAt = 5

const forgetful = (sql: Sql): Sql =>
  new Proxy(sql, {
    apply(target, self, [strings, ...values]: [TemplateStringsArray, ...unknown[]]) {
      if (!strings.some((part) => part.includes('colloquy.sync_attempts'))) {
        return Reflect.apply(target as never, self, [strings, ...values])
      }
      const events = values[eventsAt]
      const isEvents = Array.isArray(events) && events.every((batch) => batch === null || /^\[/.test(batch))
      if (!isEvents) throw new Error('the statement of the tick is another one by now')
      values[eventsAt] = events.map(() => null)
      return Reflect.apply(target as never, self, [strings, ...values])
    },
  })

const storingNothing = (db: Database): Database => ({
  ...db,
  statement: <T extends readonly (object | undefined)[]>(work: (sql: Sql) => PendingQuery<T>) =>
    db.statement((sql) => work(forgetful(sql))),
})

await (process.env.BENCH_STORES === 'nothing' ? serveModel(speaker, storingNothing) : serveModel(speaker))
