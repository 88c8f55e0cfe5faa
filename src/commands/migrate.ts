import type { Config } from '../config.js'
import { migrate as migrateDatabase } from '../db/migrate.js'
import { createProgress } from './progress.js'
import { openOrJoinDatabase } from './runtime.js'

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const

/** Aborts at the first SIGINT or SIGTERM. Further ones are ignored: npm repeats the terminal's Ctrl-C. */
const abortOnSignal = () => {
  const controller = new AbortController()
  const onSignal = (name: 'SIGINT' | 'SIGTERM') => {
    process.exitCode ??= exitCodes[name]
    controller.abort(new Error(`interrupted by ${name}; the migration under way was rolled back`))
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  const dispose = () => process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  return { signal: controller.signal, dispose }
}

/** `colloquy migrate`: migrates the database, which `serve` also does at its start. */
export const migrate = async (config: Config): Promise<void> => {
  const { signal, dispose } = abortOnSignal()
  const progress = createProgress()
  const say = (line: string) => progress.above(() => console.log(line))
  const listeners = { log() {}, begin: progress.begin }
  const { url, embedded } = await openOrJoinDatabase(config, listeners).catch((error) => {
    progress.fail()
    throw error
  })
  try {
    progress.begin('reading what the database has')
    const applied = await migrateDatabase(url, {
      log: say,
      onBegin: ({ name, number, of }) => progress.update(`${number} of ${of}: ${name}`),
      alwaysPrepareRole: true,
      signal,
    })
    progress.clear()
    console.log(applied.length > 0 ? 'The database is up to date now.' : 'The database was up to date.')
  } finally {
    progress.fail()
    await embedded?.stop()
    dispose()
  }
}
