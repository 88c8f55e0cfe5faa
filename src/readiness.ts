import { singleFlight } from './concurrency/single-flight.js'
import type { Database } from './db/database.js'
import { pendingMigrations, SchemaMismatch } from './db/migrate.js'
import { withProbeTimeout } from './db/probe-timeout.js'
import { Problem } from './problems.js'

/** Probes need no token, so all of them together query the database only once per this time. */
const readinessMs = 1_000

interface ReadinessOptions {
  db: Database
  /** aborted: this instance serves what still comes, and wants no more */
  lameDuck?: AbortSignal | undefined
}

/** Checks that the database can be written and has this program's schema. Rejects with a Problem otherwise. */
export const createReadinessCheck = ({ db, lameDuck }: ReadinessOptions) => {
  const checkSchema = async () => {
    const fits = await pendingMigrations(withProbeTimeout(db)).then(
      (pending) => pending.length === 0,
      (error) => {
        if (error instanceof SchemaMismatch) return false
        throw error
      },
    )
    if (!fits) {
      throw new Problem('database-unavailable', { detail: 'The database has the schema of another version.' })
    }
  }
  const checkDatabase = singleFlight(readinessMs, checkSchema)
  return async (): Promise<void> => {
    if (lameDuck?.aborted) throw new Problem('shutting-down')
    await checkDatabase()
  }
}
