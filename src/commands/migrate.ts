import type { Config } from '../config.js'
import { migrate as migrateDatabase } from '../db/migrate.js'
import { openOrJoinDatabase } from './runtime.js'

/** `colloquy migrate`: brings the database up to this program, which `serve` does, too. */
export const migrate = async (config: Config): Promise<void> => {
  const { url, embedded } = await openOrJoinDatabase(config)
  try {
    const applied = await migrateDatabase(url, { log: console.log, alwaysPrepareRole: true })
    console.log(applied.length > 0 ? 'The database is up to date now.' : 'The database was up to date.')
  } finally {
    await embedded?.stop()
  }
}
