import { createContext, Script } from 'node:vm'

/** Synchronous work was interrupted because it exceeded its time limit. */
export class SyncTimeoutError extends Error {}

const noop = (): unknown => undefined
const globals = { work: noop }
const context = createContext(globals)
const script = new Script('work()')

/**
 * Runs synchronous work that might never return, such as a regular expression from a tool server's schema, without letting it block
 * the process. Throws SyncTimeoutError. Interrupted work does not run its `finally` blocks, so discard every object that it touched.
 */
export const runWithTimeout = <T>(milliseconds: number, work: () => T): T => {
  globals.work = work
  try {
    return script.runInContext(context, { timeout: milliseconds }) as T
  } catch (error) {
    const { code } = error as { code?: unknown }
    throw code === 'ERR_SCRIPT_EXECUTION_TIMEOUT' ? new SyncTimeoutError() : error
  } finally {
    globals.work = noop
  }
}
