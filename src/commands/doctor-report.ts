import { styleText } from 'node:util'
import { errorMessage } from './error-message.js'
import type { Progress } from './progress.js'

export interface Check {
  name: string
  /** the check that has to pass before this one */
  needs?: string
  /** most databases have nothing for it to check, so that it is not told where it cannot be made */
  isSeldom?: boolean
  /** Returns a short description of the healthy state, or undefined where there is nothing to check; throws what is wrong. */
  run(): Promise<string | undefined>
}

export interface CheckResult {
  name: string
  status: 'ok' | 'failed' | 'not-checked'
  /** what was found, or what is wrong and what mends it */
  detail: string
}

const runCheck = async (
  { name, needs = '', isSeldom, run }: Check,
  failed: ReadonlySet<string>,
): Promise<CheckResult | undefined> => {
  if (failed.has(needs))
    return isSeldom
      ? undefined
      : { name, status: 'not-checked', detail: `not checked, because the ${needs} check failed` }
  try {
    const detail = await run()
    return detail === undefined ? undefined : { name, status: 'ok', detail }
  } catch (error) {
    return { name, status: 'failed', detail: errorMessage(error) }
  }
}

/** Runs the checks in order, and tells each result when it is there. */
export const runChecks = async (
  checks: Check[],
  progress: Progress,
  tell: (result: CheckResult) => void,
): Promise<CheckResult[]> => {
  const results: CheckResult[] = []
  const failed = new Set<string>()
  for (const check of checks) {
    progress.begin(`checking: ${check.name}`)
    const result = await runCheck(check, failed)
    progress.clear()
    if (!result) continue
    if (result.status !== 'ok') failed.add(check.name)
    results.push(result)
    tell(result)
  }
  return results
}

const marks = { ok: 'ok    ', failed: 'FAIL  ', 'not-checked': '-     ' }
const colors = { ok: 'green', failed: 'red', 'not-checked': 'dim' } as const

/** A result on one line; in colour where standard output is a terminal, or FORCE_COLOR asks for it, and NO_COLOR does not forbid it. */
export const resultLine = ({ name, status, detail }: CheckResult): string =>
  status === 'ok'
    ? `${styleText(colors.ok, marks.ok)}${styleText('bold', `${name}:`)} ${detail}`
    : `${styleText(colors[status], `${marks[status]}${name}:`)} ${status === 'failed' ? detail : styleText('dim', detail)}`

const plural = (count: number): string => `${count} ${count === 1 ? 'check' : 'checks'}`

/** What all of them come to, on one line. */
export const summaryLine = (results: readonly CheckResult[]): string => {
  const failed = results.filter(({ status }) => status === 'failed').map(({ name }) => name)
  if (failed.length === 0) return styleText('green', `${plural(results.length)} passed`)
  return styleText('red', `${failed.length} of ${plural(results.length)} failed: ${failed.join(', ')}`)
}

export const isHealthy = (results: readonly CheckResult[]): boolean =>
  results.every(({ status }) => status === 'ok')

/** The results for programs. Its shape is documented in the guide. */
export const toJson = (results: readonly CheckResult[]): string =>
  JSON.stringify({ healthy: isHealthy(results), checks: results }, undefined, 2)
