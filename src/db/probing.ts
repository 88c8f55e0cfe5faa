import type { Database } from './database.js'

/** A probe is answered within two seconds, whatever the database does. */
const probeMs = 1_700

/** The same database for a probe: checks go ahead of everybody who waits, and give up soon. */
export const probing = (db: Database): Database => ({
  ...db,
  asLogin: (work) => db.asLogin(work, { withinMs: probeMs, queue: 'probes' }),
})
