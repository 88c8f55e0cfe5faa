import { escapeMarkup } from '../../escape-markup.js'
import { toCurl } from '../curl.js'
import type { Report, Result } from '../run.js'
import type { Secrets } from './text.js'

/** Text for an attribute or an element (XML 1.0). Characters that XML cannot have are written as JavaScript would. */
export const escapeXml = (text: string): string =>
  escapeMarkup(text.toWellFormed())
    .replace(
      /(?![\t\n\r])[\p{Cc}\ufffe\uffff]/gu,
      (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
    .replace(/[\t\n\r]/g, (char) => `&#${char.charCodeAt(0)};`)

const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(3)

const attributes = (values: Record<string, string | number>): string =>
  Object.entries(values)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('')

const testCase = (result: Result, secrets: Secrets): string => {
  const {
    id,
    title,
    operation = 'routes',
    outcome,
    message = '',
    promise = '',
    exchange,
    milliseconds,
  } = result
  const open = `    <testcase${attributes({ classname: operation, name: `${id}: ${title}`, time: seconds(milliseconds) })}`
  if (outcome === 'passed') return `${open}/>`
  const details = [
    promise && `promised: ${promise}`,
    `came: ${message}`,
    exchange && toCurl(exchange.request, secrets),
  ]
  const inner =
    outcome === 'failed'
      ? `<failure${attributes({ message, type: promise || 'error' })}>${escapeXml(details.filter(Boolean).join('\n'))}</failure>`
      : `<skipped${attributes({ message })}/>`
  return `${open}>\n      ${inner}\n    </testcase>`
}

/** The report as JUnit XML, which CI systems read: one suite for each operation. */
export const toJunit = (report: Report, secrets: Secrets): string => {
  const { results, startedAt, url, seed, version } = report
  const names = [...new Set(results.map(({ operation = 'routes' }) => operation))]
  const counts = (own: Result[]) => ({
    tests: own.length,
    failures: own.filter(({ outcome }) => outcome === 'failed').length,
    errors: 0,
    skipped: own.filter(({ outcome }) => outcome === 'not seen').length,
    time: seconds(own.reduce((sum, { milliseconds }) => sum + milliseconds, 0)),
  })
  const suites = names.map((name, i) => {
    const own = results.filter(({ operation = 'routes' }) => operation === name)
    const timestamp = startedAt.toISOString().slice(0, 19)
    const properties = Object.entries({ url, seed, contract: version }).map(
      ([property, value]) => `      <property${attributes({ name: property, value })}/>`,
    )
    return [
      `  <testsuite${attributes({ id: i, name, package: 'colloquy', hostname: new URL(url).hostname, timestamp, ...counts(own) })}>`,
      '    <properties>',
      ...properties,
      '    </properties>',
      ...own.map((result) => testCase(result, secrets)),
      '    <system-out/>',
      '    <system-err/>',
      '  </testsuite>',
    ].join('\n')
  })
  const { skipped, ...all } = counts(results)
  const total = attributes({ name: 'colloquy conformance', ...all })
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${total}>\n${suites.join('\n')}\n</testsuites>\n`
}
