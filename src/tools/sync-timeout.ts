import { createContext, Script } from 'node:vm'

/** It was stopped, since it took longer than it may. */
export class TookTooLong extends Error {}

const nothing = (): unknown => undefined
const globals = { work: nothing }
const context = createContext(globals)
const script = new Script('work()')

/**
 * Runs what might not end by itself, such as a regular expression of somebody else's, which would stop the whole process. Throws
 * TookTooLong, and then nothing of the work is to be used again: no `finally` of it has run.
 */
export const within = <T>(milliseconds: number, work: () => T): T => {
  globals.work = work
  try {
    return script.runInContext(context, { timeout: milliseconds }) as T
  } catch (error) {
    const { code } = error as { code?: unknown }
    throw code === 'ERR_SCRIPT_EXECUTION_TIMEOUT' ? new TookTooLong() : error
  } finally {
    globals.work = nothing
  }
}
