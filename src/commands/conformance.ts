import { randomInt } from 'node:crypto'
import { access, appendFile, rm, writeFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { resolve } from 'node:path'
import { closestName } from '../closest-name.js'
import type { Check, User } from '../conformance/check.js'
import { allChecks } from '../conformance/checks.js'
import { readContract } from '../conformance/contract.js'
import { toJson } from '../conformance/reports/json.js'
import { toJunit } from '../conformance/reports/junit.js'
import { printable, toText } from '../conformance/reports/text.js'
import { type Report, type Result, runChecks } from '../conformance/run.js'
import { expiryOf, findObstacle, subjectOf } from '../conformance/users.js'
import { type CommandLine, UsageError } from './command-line.js'
import { errorMessage } from './error-message.js'

type Values = Omit<CommandLine['values'], 'json'> & { json?: string }
type Variables = Record<string, string | undefined>

/** How often the progress is told where no terminal shows it. */
const progressEvery = 50

const readUrl = (text: string | undefined): string => {
  if (!text) throw new UsageError('conformance needs --url, the address of the server', 2)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username)
    throw new UsageError('--url takes an http or https URL without a query, such as http://127.0.0.1:3000', 2)
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
}

const readUser = (name: 'a' | 'b', values: Values, variables: Variables): User => {
  const variable = `COLLOQUY_TOKEN_${name.toUpperCase()}`
  const token = (values[`token-${name}`] ?? variables[variable] ?? '').trim()
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new UsageError(
      `conformance needs the token of a user: --token-${name}, or the variable ${variable}`,
      2,
    )
  const id = values[`user-${name}`] ?? subjectOf(token)
  if (!id)
    throw new UsageError(`The token ${name.toUpperCase()} does not say whose it is: --user-${name} does`, 2)
  return { id, token }
}

const readInteger = (
  values: Values,
  name: 'seed' | 'runs' | 'timeout' | 'total-timeout',
  range: [number, number],
  otherwise: number,
): number => {
  const text = values[name]
  if (text === undefined) return otherwise
  const [min, max] = range
  const value = Number(text)
  if (!/^\d{1,10}$/.test(text) || value < min || value > max)
    throw new UsageError(`--${name} takes an integer from ${min} to ${max}`, 2)
  return value
}

/** The checks that a comma-separated list names, by operation, by id or by the part of an id before the dot. */
const named = (checks: Check[], list: string, option: string): Check[] =>
  list.split(',').flatMap((raw) => {
    const name = raw.trim()
    const found = checks.filter(
      ({ id, operation }) => id === name || operation === name || id.startsWith(`${name}.`),
    )
    if (found.length > 0) return found
    const known = checks.flatMap(({ id, operation }) => [id, id.split('.')[0] ?? '', operation ?? ''])
    const likely = closestName(name, known)
    throw new UsageError(
      `--${option}: there is no operation and no check "${name}"${likely ? `; did you mean "${likely}"?` : '.'} --list shows them.`,
      2,
    )
  })

const select = (checks: Check[], { only, skip }: Values): Check[] => {
  const chosen = new Set(only === undefined ? checks : named(checks, only, 'only'))
  const skipped = new Set(skip === undefined ? [] : named(checks, skip, 'skip'))
  const selected = checks.filter((check) => chosen.has(check) && !skipped.has(check))
  // A run without a check would pass.
  if (selected.length === 0) throw new UsageError('--only and --skip leave no check', 2)
  return selected
}

const list = (checks: Check[]): string => {
  const width = Math.max(...checks.map(({ id }) => id.length))
  return [...checks.map(({ id, title }) => `${id.padEnd(width)}  ${title}`), `${checks.length} checks`].join(
    '\n',
  )
}

/** Refuses a file that cannot be written before the checks have run. Until then it stays as it is, or is not there. */
const requireWritable = async (file: string | undefined, option: string): Promise<void> => {
  if (file === undefined) return
  try {
    const isNew = await access(file).then(
      () => false,
      () => true,
    )
    await appendFile(file, '')
    if (isNew) await rm(file)
  } catch (error) {
    throw new UsageError(`--${option}: "${file}" cannot be written: ${errorMessage(error)}`, 2)
  }
}

const requireReports = async ({ json, junit }: Values): Promise<void> => {
  if (json !== undefined && junit !== undefined && resolve(json) === resolve(junit))
    throw new UsageError('--json and --junit have to be two files', 2)
  await requireWritable(json, 'json')
  await requireWritable(junit, 'junit')
}

/** Tells on stderr how far the run is, and at once what has failed. */
const tellProgress = (all: number) => {
  let done = 0
  return ({ id, outcome, message }: Result): void => {
    done += 1
    const isTerminal = process.stderr.isTTY
    const clear = isTerminal ? '\r\x1b[K' : ''
    if (outcome === 'failed') console.error(`${clear}FAIL  ${id}: ${printable(message ?? '')}`)
    if (isTerminal) process.stderr.write(done === all ? clear : `${clear}${done}/${all} ${id}`)
    else if (done % progressEvery === 0 || done === all) console.error(`${done} of ${all} checks`)
  }
}

/** Aborts when a signal comes, or the time is over. A second signal ends the process at once. */
const watch = (totalMs: number, { a, b }: { a: User; b: User }) => {
  const controller = new AbortController()
  let received: NodeJS.Signals | undefined
  const onSignal = (signal: NodeJS.Signals): void => {
    if (received) process.exit(128 + constants.signals[signal])
    received = signal
    controller.abort(new Error(`${signal} was received`))
  }
  const timer = setTimeout(
    () => controller.abort(new Error(`it took longer than ${totalMs / 1000} s`)),
    totalMs,
  )
  // From then on every check would fail, and tell nothing.
  const expiry = Math.min(expiryOf(a.token), expiryOf(b.token)) - Date.now()
  const expiryTimer =
    expiry < totalMs
      ? setTimeout(() => controller.abort(new Error('a token has expired')), Math.max(expiry, 0))
      : undefined
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  return {
    signal: controller.signal,
    received: () => received,
    end() {
      clearTimeout(timer)
      clearTimeout(expiryTimer)
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
    },
  }
}

const writeReports = async (
  report: Report,
  secrets: Record<string, string>,
  { json, junit }: Values,
): Promise<void> => {
  console.log(toText(report, secrets))
  if (json !== undefined) await writeFile(json, toJson(report, secrets))
  if (junit !== undefined) await writeFile(junit, toJunit(report, secrets))
}

/**
 * `colloquy conformance`: judges a server by the contract. Returns the exit code: 0, all checks passed; 1, some failed; 2, they
 * could not begin; 128 and the signal's number when one ended them. Throws UsageError.
 */
export const conformance = async (
  { json, ...others }: CommandLine['values'],
  variables: Variables,
): Promise<number> => {
  // A switch for other commands.
  const values: Values = { ...others, ...(typeof json === 'string' && { json }) }
  const contract = await readContract()
  if (values.list) {
    console.log(list(select(allChecks(contract), values)))
    return 0
  }
  const url = readUrl(values.url)
  const users = { a: readUser('a', values, variables), b: readUser('b', values, variables) }
  if (users.a.id === users.b.id) throw new UsageError('The two tokens have to be of two users', 2)
  const seed = readInteger(values, 'seed', [0, 2_147_483_647], randomInt(2_147_483_647))
  const runs = readInteger(values, 'runs', [1, 10_000], 20)
  const timeoutMs = readInteger(values, 'timeout', [1, 3_600], 150) * 1000
  const totalMs = readInteger(values, 'total-timeout', [1, 86_400], 1_800) * 1000
  const checks = select(allChecks(contract), values)
  await requireReports(values)
  const secrets = { [users.a.token]: 'COLLOQUY_TOKEN_A', [users.b.token]: 'COLLOQUY_TOKEN_B' }

  const watcher = watch(totalMs, users)
  try {
    const obstacle = await findObstacle({ contract, url, timeoutMs: Math.min(timeoutMs, 10_000) }, users)
    if (obstacle) {
      console.error(obstacle)
      return 2
    }
    const mayErase = values.erase === true
    const settings = { contract, url, ...users, seed, runs, timeoutMs, mayErase, signal: watcher.signal }
    const report = await runChecks(settings, checks, tellProgress(checks.length))
    await writeReports(report, secrets, values)
    const signal = watcher.received()
    if (signal) return 128 + constants.signals[signal]
    const hasFailed = report.results.some(({ outcome }) => outcome === 'failed')
    return hasFailed || report.interrupted ? 1 : 0
  } finally {
    watcher.end()
  }
}
