import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Counts what a script checks. */
export const createCountedChecks = (signal: AbortSignal) => {
  let passed = 0
  const failures: string[] = []
  const check = (isRight: boolean, failure: string): void => {
    if (isRight) passed += 1
    else failures.push(failure)
  }

  /**
   * Runs the checks in a temporary folder, and prints the failures and, as the last line, their numbers. What the work throws,
   * and an interruption, are failures too.
   */
  const run = async (name: string, work: (folder: string) => Promise<void>): Promise<void> => {
    const folder = await mkdtemp(join(tmpdir(), `colloquy-${name}-`))
    try {
      // PostgreSQL runs as another user when this runs as root, and has to get to its data.
      await chmod(folder, 0o755)
      await work(folder)
    } catch (error) {
      if (!signal.aborted)
        failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    }
    for (const failure of failures) console.log(`failed: ${failure}`)
    if (failures.length > 0) process.exitCode ??= 1
    console.log(`${passed} passed, ${failures.length + (signal.aborted ? 1 : 0)} failed`)
  }
  return { check, run }
}
