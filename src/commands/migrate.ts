import type { Config } from '../config.js'
import { migrate as migrateDatabase } from '../db/migrate.js'
import { beforeSignalExit } from './before-signal-exit.js'
import { errorMessage } from './error-message.js'
import { createProgress, type Progress } from './progress.js'
import { openOrJoinDatabase } from './runtime.js'

const run = async (config: Config, progress: Progress, signal: AbortSignal): Promise<void> => {
  const say = (line: string) => progress.above(() => console.log(line))
  const { url, embedded } = await openOrJoinDatabase(config, { log() {}, begin: progress.begin })
  try {
    signal.throwIfAborted()
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
  }
}

/** `colloquy migrate`: migrates the database, which `serve` also does at its start. */
export const migrate = async (config: Config): Promise<void> => {
  const stopped = new AbortController()
  const progress = createProgress()
  const running = run(config, progress, stopped.signal)
  const release = beforeSignalExit(async (signal) => {
    stopped.abort(new Error(`interrupted by ${signal}; the migration under way was rolled back`))
    await running.catch((error: unknown) => console.error(`colloquy: ${errorMessage(error)}`))
  })
  try {
    await running
  } finally {
    progress.fail()
    release()
  }
}
