import { toCurl } from '../curl.js'
import type { Report, Result } from '../run.js'

/** Secrets, and the variables that stand for them in what is printed. */
export type Secrets = Record<string, string>

/** What a server says must not steer the terminal. */
export const printable = (text: string): string =>
  text.replace(
    /(?!\n)[\p{Cc}\u2028\u2029]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** A failed check: what was promised, what came, and a line that asks for it again. */
const describeFailure = (result: Result, secrets: Secrets): string =>
  [
    `FAIL  ${result.id}: ${result.title}`,
    ...(result.promise ? [`      promised: ${result.promise}`] : []),
    `      came: ${printable(result.message ?? '').replaceAll('\n', ' ')}`,
    ...(result.exchange ? [`      ${toCurl(result.exchange.request, secrets)}`] : []),
  ].join('\n')

const columns = (rows: (string | number)[][]): string[] => {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => String(row[i]).length))) ?? []
  return rows.map((row) =>
    row
      .map((cell, i) =>
        i === 0 ? String(cell).padEnd(widths[i] ?? 0) : String(cell).padStart(widths[i] ?? 0),
      )
      .join('  '),
  )
}

/** A line for each operation, and one for what is about none. */
const operationTable = ({ results, requests, statuses }: Report): string[] => {
  const all = new Set(statuses.map(({ operation }) => operation))
  const operations = [...all].filter(
    (name) => requests[name] || results.some(({ operation }) => operation === name),
  )
  const rows = operations.map((operation) => {
    const own = results.filter((result) => result.operation === operation)
    const declared = statuses.filter((row) => row.operation === operation)
    return [
      operation,
      own.length,
      own.filter(({ outcome }) => outcome === 'failed').length,
      requests[operation] ?? 0,
      `${declared.filter(({ seen }) => seen > 0).length}/${declared.length}`,
    ]
  })
  return columns([['operation', 'checks', 'failed', 'requests', 'statuses'], ...rows])
}

/** The statuses that were not seen, with the operations that declare them. */
const unseenStatuses = ({ statuses, requests }: Report): string[] => {
  const groups = new Map<string, string[]>()
  for (const { operation, status, seen, reason = 'no check of this run has had it' } of statuses) {
    if (seen > 0 || !requests[operation]) continue
    const key = `${status}: ${reason}`
    groups.set(key, [...(groups.get(key) ?? []), operation])
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([reason, operations]) =>
      operations.length > 3
        ? `  ${reason} (${operations.length} operations)`
        : `  ${reason} (${operations.join(', ')})`,
    )
}

const summarize = (report: Report): string => {
  const { results, allRequests, turns, milliseconds, seed } = report
  const count = (outcome: Result['outcome']) => results.filter((result) => result.outcome === outcome).length
  return (
    `${plural(results.length, 'check')}: ${count('passed')} passed, ${count('failed')} failed, ${count('not seen')} not seen; ` +
    `${plural(allRequests, 'request')}, ${plural(turns, 'turn')}, ${(milliseconds / 1000).toFixed(1)} s; seed ${seed}`
  )
}

/** The report for a terminal. */
export const toText = (report: Report, secrets: Secrets): string => {
  const { results, url, version, users, left, interrupted } = report
  const failed = results.filter(({ outcome }) => outcome === 'failed')
  const unseen = results.filter(({ outcome }) => outcome === 'not seen')
  const notSeen = unseenStatuses(report)
  return [
    `Contract ${version} at ${url}, as ${users.join(' and ')}`,
    '',
    ...failed.flatMap((result) => [describeFailure(result, secrets), '']),
    ...unseen.map(({ id, message = '' }) => `-     ${id}: not seen, ${printable(message)}`),
    ...(unseen.length > 0 ? [''] : []),
    ...operationTable(report),
    '',
    ...(notSeen.length > 0 ? ['Declared statuses that were not seen:', ...notSeen, ''] : []),
    ...(left > 0 ? [`${plural(left, 'conversation')} of this run could not be deleted.`] : []),
    ...(interrupted ? [`The run was cut short: ${interrupted}.`] : []),
    summarize(report),
  ].join('\n')
}
