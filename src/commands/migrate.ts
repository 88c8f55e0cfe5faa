import type { Config } from '../config.js'
import { migrate as migrateDatabase } from '../db/migrate.js'
import { openOrJoinDatabase } from './runtime.js'

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const

/** Aborts at the first SIGINT or SIGTERM; later ones change nothing, since npm passes on the Ctrl-C that the terminal sends, too. */
const untilSignal = () => {
  const controller = new AbortController()
  const onSignal = (name: 'SIGINT' | 'SIGTERM') => {
    process.exitCode ??= exitCodes[name]
    controller.abort(new Error(`interrupted by ${name}; what was under way is undone`))
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  return { signal: controller.signal, end: () => process.off('SIGINT', onSignal).off('SIGTERM', onSignal) }
}

/** `colloquy migrate`: brings the database up to this program, which `serve` does, too. */
export const migrate = async (config: Config): Promise<void> => {
  const { signal, end } = untilSignal()
  const { url, embedded } = await openOrJoinDatabase(config)
  try {
    const applied = await migrateDatabase(url, { log: console.log, alwaysPrepareRole: true, signal })
    console.log(applied.length > 0 ? 'The database is up to date now.' : 'The database was up to date.')
  } finally {
    await embedded?.stop()
    end()
  }
}
