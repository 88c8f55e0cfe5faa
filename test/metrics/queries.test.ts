import { readFile } from 'node:fs/promises'
import { parser } from '@prometheus-io/lezer-promql'
import { Registry } from 'prom-client'
import t from 'tap'
import { parse } from 'yaml'
import { createPrometheus } from '../../src/metrics/prometheus.js'
import { catalogue } from '../../src/problem-catalogue.js'
import { packageRoot } from '../../src/root.js'

const read = (path: string): Promise<string> => readFile(new URL(path, packageRoot), 'utf8')

interface Metric {
  name: string
  type: string
  labelNames: string[]
}

const metricsOf = (registry: Registry): Metric[] => {
  createPrometheus({ models: [], toolServers: [], currency: undefined, registry })
  return registry.getMetricsAsArray() as unknown as Metric[]
}

const ours = metricsOf(new Registry())

/** The labels of each series that a query may name: Prometheus adds where it was scraped. */
const series = async (): Promise<Map<string, Set<string>>> => {
  const { exposition } = createPrometheus({ models: [], toolServers: [], currency: undefined })
  const ofProcess = [...(await exposition.read()).matchAll(/^# TYPE (\w+) (\w+)$/gm)]
    .filter(([, name = '']) => !name.startsWith('colloquy_'))
    .map(([, name = '']) => ({ name, type: 'gauge', labelNames: [] }))
  const up = { name: 'up', type: 'gauge', labelNames: [] }
  return new Map(
    [up, ...ofProcess, ...ours].flatMap(({ name, type, labelNames }) => {
      const labels = new Set(['job', 'instance', ...labelNames])
      if (type !== 'histogram') return [[name, labels] as const]
      return [
        [`${name}_bucket`, new Set([...labels, 'le'])] as const,
        [`${name}_sum`, labels] as const,
        [`${name}_count`, labels] as const,
      ]
    }),
  )
}

/** The values that labels of a fixed set have. */
const values: Record<string, readonly string[]> = {
  code: [...Object.keys(catalogue), 'none'],
  outcome: ['completed', 'failed', 'cancelled', 'interrupted', 'lost', 'deleted', 'not_stored'],
  kind: ['begin', 'end', 'wait', 'turns', 'updates', 'others', 'user', 'login', 'probes', 'replica'],
  state: ['used', 'idle', 'opening'],
}

/** What is wrong with a query: a syntax error, a series or a label that is not there, or a value that no label has. */
const faultsOf = (query: string, known: Map<string, Set<string>>): string[] => {
  const faults: string[] = []
  const tree = parser.parse(query)
  const textOf = ({ from, to }: { from: number; to: number }) => query.slice(from, to)
  const named: string[] = []
  const grouped: string[] = []
  tree.iterate({
    enter(ref) {
      const { node, type } = ref
      if (type.isError) faults.push(`a syntax error at ${node.from}`)
      if (type.name === 'VectorSelector') {
        const identifier = node.getChild('Identifier')
        const name = identifier ? textOf(identifier) : ''
        const labels = known.get(name)
        named.push(name)
        if (!labels) faults.push(`there is no series ${name}`)
        const matchers = [...textOf(node).matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)]
        for (const [, label = '', operator = '', value = ''] of matchers) {
          if (labels && !labels.has(label)) faults.push(`${name} has no label ${label}`)
          const possible = values[label]
          if (!possible || value.startsWith('$')) continue
          for (const one of operator.includes('~') ? value.split('|') : [value])
            if (!possible.includes(one)) faults.push(`${label} is never ${one}`)
        }
      }
      if (type.name === 'GroupingLabels')
        grouped.push(...[...textOf(node).matchAll(/\w+/g)].map(([label]) => label))
    },
  })
  if (named.length === 0) faults.push('it names no series')
  for (const label of grouped)
    if (!named.some((name) => known.get(name)?.has(label))) faults.push(`no series has the label ${label}`)
  return faults
}

/** The variables of Grafana, as a value that they may have. */
const withVariables = (expr: string): string => expr.replaceAll('$__rate_interval', '5m')

interface Panel {
  id: number
  title: string
  targets?: { expr: string }[]
  gridPos: { x: number; y: number; w: number; h: number }
}

t.test('every query of the dashboard names series and labels that there are', async (t) => {
  const known = await series()
  const dashboard = JSON.parse(await read('scripts/deploy/grafana/colloquy.json'))
  const panels = dashboard.panels as Panel[]
  const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })))
  t.ok(queries.length > 40, `${queries.length} queries`)
  for (const { title, expr } of queries) t.same(faultsOf(withVariables(expr), known), [], `${title}: ${expr}`)
  const variables = dashboard.templating.list as { name: string; query: string }[]
  for (const { name, query } of variables.slice(1)) {
    const [, of = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(query) ?? []
    t.same([faultsOf(of, known), label], [[], name], `its variable ${name}`)
  }
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length, 'each panel has an id of its own')
  const asked = queries.map(({ expr }) => expr).join(' ')
  for (const { name } of ours) t.match(asked, name, `it shows ${name}`)
})

t.test('every alert names series and labels that there are', async (t) => {
  const known = await series()
  const { groups } = parse(await read('scripts/deploy/prometheus/alerts.yaml'))
  const rules = groups.flatMap(({ rules }: { rules: object[] }) => rules) as {
    alert: string
    expr: string
    for?: string
    labels: { severity: string }
    annotations: { summary: string }
  }[]
  t.ok(rules.length >= 10, `${rules.length} alerts`)
  for (const { alert, expr, for: duration = '1m', labels, annotations } of rules) {
    t.same(faultsOf(expr, known), [], `${alert}: ${expr}`)
    t.match(duration, /^\d+[mh]$/, `${alert} says how long it has to last`)
    t.match(labels.severity, /^(critical|warning|info)$/, `${alert} says how urgent it is`)
    t.ok(annotations.summary, `${alert} says what is wrong`)
  }
  t.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length, 'each has a name of its own')
})

t.test('a query with a fault is noticed', async (t) => {
  const known = await series()
  const faults: [query: string, fault: RegExp][] = [
    ['sum(rate(colloquy_turns_total[5m])', /syntax error/],
    ['rate(colloquy_turn_total[5m])', /no series colloquy_turn_total/],
    ['colloquy_turn_duration_seconds', /no series colloquy_turn_duration_seconds/],
    ['colloquy_turns_total{user="alice"}', /no label user/],
    ['sum by (user) (colloquy_turns_total)', /no series has the label user/],
    ['colloquy_turns_total{outcome=~"failed|done"}', /outcome is never done/],
    ['1 + 1', /names no series/],
  ]
  for (const [query, fault] of faults) t.match(faultsOf(query, known).join(), fault, query)
})

t.test(
  'names are as Prometheus wants them, and the guide has each series with its type and labels',
  async (t) => {
    const guide = await read('src/metrics/README.md')
    const rows = [...guide.matchAll(/^\| `(colloquy_\w+)` \| (\w+) \|(.*?)\|/gm)].map(
      ([, name, type, labels = '']) => ({
        name,
        type,
        labelNames: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label),
      }),
    )
    const sorted = <T extends { name?: string }>(list: T[]) =>
      list.sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1))
    t.same(
      sorted(rows),
      sorted(ours.map(({ name, type, labelNames }) => ({ name, type, labelNames }))),
      'the table is complete',
    )
    for (const { name, type } of ours) {
      t.equal(name.endsWith('_total'), type === 'counter', `${name} ends in _total if it only rises`)
      if (/duration|wait_|token_/.test(name) && type === 'histogram')
        t.match(name, /_seconds$/, `${name} has its unit`)
    }
  },
)
