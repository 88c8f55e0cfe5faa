import type { Test } from 'tap'
import { connect } from '../../src/db/connect.js'
import { listenForScrapers } from '../../src/metrics/listener.js'
import { createPrometheus, type PrometheusOptions } from '../../src/metrics/prometheus.js'
import { type TestApp, type TestAppOptions, testApp } from '../helpers/app.js'
import { type DatabaseOptions, testDatabase } from '../helpers/database.js'
import { within } from '../helpers/wait.js'

export interface Scrape {
  text: string
  /** how many series of ours there are: Node's come with what it happens to do */
  series: number
  /** the sum of all series of this name that have these labels; undefined when there is none */
  value(name: string, labels?: Record<string, string>): number | undefined
  /** the values of a label, sorted, each once */
  labels(name: string, label: string): string[]
}

const parse = (text: string): Scrape => {
  const samples = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      if (value === undefined) throw new Error(`This is no sample: ${line}`)
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, of]) => [key, of])
      return { name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) }
    })
  const called = (name: string) => samples.filter((sample) => sample.name === name)
  return {
    text,
    series: samples.filter(({ name }) => name.startsWith('colloquy_')).length,
    value(name, wanted = {}) {
      const fitting = called(name).filter(({ labels }) =>
        Object.entries(wanted).every(([key, value]) => labels[key] === value),
      )
      return fitting.length === 0 ? undefined : fitting.reduce((sum, { value }) => sum + value, 0)
    },
    labels: (name, label) => [...new Set(called(name).map(({ labels }) => labels[label] ?? ''))].sort(),
  }
}

/** Reads the metrics as Prometheus does. */
export const scrape = async (url: string): Promise<Scrape> => {
  const response = await within(`the metrics at ${url}`, fetch(url))
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`)
  return parse(await response.text())
}

export interface MeasuredApp extends TestApp {
  scrape(): Promise<Scrape>
}

/** The server with metrics at a port of their own. */
export const measuredApp = async (
  t: Test,
  names: Partial<PrometheusOptions>,
  options: TestAppOptions = {},
  database: DatabaseOptions = {},
): Promise<MeasuredApp> => {
  const { metrics, exposition } = createPrometheus({
    models: ['echo'],
    toolServers: [],
    currency: undefined,
    ...names,
  })
  const { url: databaseUrl } = await testDatabase(t, database)
  const db = connect({ url: databaseUrl, max: 5, prepare: 'auto', metrics, statementTimeoutMs: 60_000 })
  const listener = await listenForScrapers({ host: '127.0.0.1', port: 0, token: undefined, exposition })
  t.teardown(listener.close)
  const app = await testApp(t, { db, databaseUrl, metrics, ...options })
  return { ...app, scrape: () => scrape(listener.url) }
}
