import { h } from 'preact'
import t from 'tap'
import { formatCost } from '../../src/web/usage/format.js'
import { readUsage } from '../../src/web/usage/read-usage.js'
import { chartOf, type DailyUsage, roundUp } from '../../src/web/usage/series.js'
import { UsageChart } from '../../src/web/usage/usage-chart.js'
import { UsageLine } from '../../src/web/usage/usage-line.js'
import { renderNode } from './preact.js'

const row = (day: string, model: string, total_tokens: number, cost: number | null): DailyUsage => ({
  day,
  model,
  turns: 1,
  input_tokens: total_tokens - 10,
  output_tokens: 10,
  cached_input_tokens: 0,
  reasoning_tokens: 0,
  total_tokens,
  cost,
})

const rows = [
  row('2026-11-04', 'a', 1_000, 2_500_000),
  row('2026-11-02', 'a', 500, 1_000_000),
  row('2026-11-02', 'b', 300, null),
]
const locale = 'en-US'

t.test('costs are microunits of a currency', async (t) => {
  t.equal(formatCost(1_250_000, 'USD', locale), '$1.25', 'a price')
  t.equal(formatCost(0, 'USD', locale), '$0.00', 'nothing')
  t.equal(formatCost(2_176, 'USD', locale), '$0.0022', 'less than a cent is not nothing')
  t.equal(formatCost(1_250_000_000, 'JPY', locale), '¥1,250', 'a currency without parts')
  t.equal(formatCost(1_250_000, 'EUR', 'de-DE').replace(/\s/, ' '), '1,25 €', 'as the reader writes it')
})

t.test('rows become bars, a bar for each day', async (t) => {
  const chart = chartOf(rows, 'total_tokens')
  t.same(
    chart?.bars.map(({ day, total }) => [day, total]),
    [
      ['2026-11-02', 800],
      ['2026-11-03', 0],
      ['2026-11-04', 1_000],
    ],
    'days without turns have their place',
  )
  t.same(chart?.series, ['a', 'b'], 'the largest model first')
  t.same(
    chart?.bars[0]?.segments,
    [
      { series: 0, from: 0, to: 500 },
      { series: 1, from: 500, to: 800 },
    ],
    'models are stacked',
  )
  t.same(
    [0, 1, 7, 20, 230, 999, 0.003].map(roundUp),
    [1, 1, 10, 20, 250, 1000, 0.005],
    'the axis ends at a round number',
  )
  const many = chartOf(
    Array.from({ length: 9 }, (_, i) => row('2026-11-02', `m${i}`, 100 - i, null)),
    'total_tokens',
  )
  t.same(many?.series, ['m0', 'm1', 'm2', 'm3', 'm4', null], 'the models that took least share a colour')
  t.equal(many?.bars[0]?.segments.at(-1)?.to, 864, 'and are all counted')
  t.equal(
    chartOf([row('1990-01-01', 'a', 1, 1), row('2026-11-02', 'a', 1, 1)], 'cost')?.bars.length,
    366,
    'no more bars than can be seen',
  )
  t.equal(chartOf([], 'cost'), undefined, 'nothing has no chart')
})

t.test('the chart can be read without seeing it', async (t) => {
  const page = renderNode(t, h(UsageChart, { rows, currency: 'USD', locale }))
  const svg = page.one('svg[role=img]')
  t.equal(
    page.one(`#${svg.getAttribute('aria-labelledby')}`).textContent,
    'Cost per day and model',
    'it has a name',
  )
  t.equal(
    page.one(`#${svg.getAttribute('aria-describedby')}`).textContent,
    'Nov 2 to Nov 4: $3.50 in all, most on Nov 4 with $2.50. Models: a, b.',
    'and a description',
  )
  t.same(
    page.all('tbody tr').map((line) => [...line.children].map((cell) => cell.textContent)),
    [
      ['2026-11-04', 'a', '1', '990', '10', '$2.50'],
      ['2026-11-02', 'a', '1', '490', '10', '$1.00'],
      ['2026-11-02', 'b', '1', '290', '10', 'unknown'],
    ],
    'and a table of the same numbers',
  )
  await page.click('figcaption button')
  t.equal(page.one('figcaption span').textContent, 'Tokens per day and model', 'tokens are a click away')
  t.equal(page.all('rect.usage-series').length, 3, 'a bar has a part for each model')
  const free = renderNode(t, h(UsageChart, { rows, currency: null, locale }))
  t.same(
    [free.all('figcaption button').length, free.all('th').length],
    [0, 8],
    'without prices there are tokens alone',
  )
  t.equal(
    renderNode(t, h(UsageChart, { rows: [], currency: 'USD' })).html(),
    '<p class="usage-empty">No usage in this period.</p>',
    'and no usage is said to be none',
  )
})

t.test('what a conversation took is a line', async (t) => {
  const none = {
    input_tokens: null,
    output_tokens: null,
    cached_input_tokens: null,
    reasoning_tokens: null,
    total_tokens: null,
    cost: null,
  }
  const line = (usages: (typeof none | ReturnType<typeof row>)[], currency: string | null) =>
    renderNode(t, h(UsageLine, { usages, currency, locale })).container.textContent
  t.equal(line(rows, 'USD'), '3 turns · 1,800 tokens (1,770 in, 30 out) · $3.50', 'turns, tokens and cost')
  t.equal(line(rows, null), '3 turns · 1,800 tokens (1,770 in, 30 out)', 'no cost without prices')
  t.equal(line([none], 'USD'), '1 turn', 'what no provider reported is not said to be 0')
  t.equal(line([], 'USD'), '', 'nothing before the first turn')
})

t.test('all pages are read', async (t) => {
  const total = { turns: 3 }
  const pages = [
    { data: rows.slice(0, 2), total, currency: 'USD' },
    { data: rows.slice(2), total, currency: 'USD' },
  ]
  const asked: unknown[] = []
  const listUsage = (params: unknown) => {
    asked.push(params)
    return Object.assign(Promise.resolve(pages[0]), {
      async *pages() {
        yield* pages
      },
    })
  }
  const report = await readUsage({ listUsage } as never, { first_day: '2026-11-01' })
  t.same(
    report,
    { rows, total, currency: 'USD' },
    'rows of all of them, the sum and the currency of the answer',
  )
  t.same(asked, [{ first_day: '2026-11-01', limit: 100 }], 'for the period')
})
