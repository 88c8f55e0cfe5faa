import { useId, useMemo, useState } from 'preact/hooks'
import { formatCost, formatCount, formatDay, formatShort } from './format.js'
import { type Chart, chartOf, type Measure } from './series.js'
import { UsageTable, type UsageTableProps } from './usage-table.js'

export type UsageChartProps = UsageTableProps

// Units of the viewBox, which CSS scales to the width there is.
const WIDTH = 640
const HEIGHT = 240
const LEFT = 64
const RIGHT = 8
const TOP = 10
const BOTTOM = 24
const TICKS = 4
const MOST_LABELS = 8

const nameOf = (model: string | null) => model ?? 'Other models'

interface PlotProps {
  chart: Chart
  format(value: number): string
  formatAxis(value: number): string
  locale: string | undefined
}

const yOf = (chart: Chart, value: number) => TOP + (1 - value / chart.top) * (HEIGHT - TOP - BOTTOM)

const Axis = ({ chart, formatAxis }: PlotProps) =>
  Array.from({ length: TICKS + 1 }, (_, i) => (chart.top / TICKS) * i).map((value) => (
    <g key={value}>
      <line class="usage-grid" x1={LEFT} x2={WIDTH - RIGHT} y1={yOf(chart, value)} y2={yOf(chart, value)} />
      <text class="usage-tick" x={LEFT - 6} y={yOf(chart, value) + 3} text-anchor="end">
        {formatAxis(value)}
      </text>
    </g>
  ))

const Bars = ({ chart, format, locale }: PlotProps) => {
  const step = (WIDTH - LEFT - RIGHT) / chart.bars.length
  const width = Math.max(1, Math.min(48, step * 0.8))
  const labelEvery = Math.ceil(chart.bars.length / MOST_LABELS)
  return chart.bars.map(({ day, segments }, i) => {
    const middle = LEFT + (i + 0.5) * step
    return (
      <g key={day}>
        {segments.map(({ series, from, to }) => (
          <rect
            key={series}
            class={`usage-series usage-series-${series + 1}`}
            x={middle - width / 2}
            width={width}
            y={yOf(chart, to)}
            height={yOf(chart, from) - yOf(chart, to)}
          >
            <title>{`${formatDay(day, locale)}, ${nameOf(chart.series[series] ?? null)}: ${format(to - from)}`}</title>
          </rect>
        ))}
        {i % labelEvery === 0 && (
          <text class="usage-tick" x={middle} y={HEIGHT - 8} text-anchor="middle">
            {formatDay(day, locale)}
          </text>
        )}
      </g>
    )
  })
}

/** What a screen reader says in place of the picture; the numbers themselves are in the table. */
const describe = ({ chart, format, locale }: PlotProps): string => {
  const sum = chart.bars.reduce((total, bar) => total + bar.total, 0)
  const highest = chart.bars.reduce((a, b) => (b.total > a.total ? b : a))
  const [first] = chart.bars
  const period =
    chart.bars.length === 1
      ? formatDay(highest.day, locale)
      : `${formatDay(first?.day ?? highest.day, locale)} to ${formatDay(chart.bars.at(-1)?.day ?? highest.day, locale)}`
  const models = chart.series.map(nameOf).join(', ')
  return `${period}: ${format(sum)} in all, most on ${formatDay(highest.day, locale)} with ${format(highest.total)}. Models: ${models}.`
}

const Legend = ({ series }: Pick<Chart, 'series'>) => (
  <ul class="usage-legend">
    {series.map((model, i) => (
      <li key={model}>
        <svg class="usage-swatch" viewBox="0 0 10 10" aria-hidden="true">
          <rect class={`usage-series-${i + 1}`} width="10" height="10" rx="2" />
        </svg>
        {nameOf(model)}
      </li>
    ))}
  </ul>
)

/** Usage per day and model as stacked bars, cost or tokens, with a table of the same numbers. */
export const UsageChart = ({ rows, currency, locale }: UsageChartProps) => {
  const id = useId()
  const [chosen, setChosen] = useState<Measure>('cost')
  const measure = currency ? chosen : 'total_tokens'
  const chart = useMemo(() => chartOf(rows, measure), [rows, measure])
  if (!chart) return <p class="usage-empty">No usage in this period.</p>
  const isCost = measure === 'cost' && currency !== null
  const plot: PlotProps = {
    chart,
    locale,
    format: (value) =>
      isCost ? formatCost(value, currency, locale) : `${formatCount(value, locale)} tokens`,
    formatAxis: (value) => (isCost ? formatCost(value, currency, locale) : formatShort(value, locale)),
  }
  return (
    <figure class="usage-chart">
      <figcaption>
        <span>{isCost ? 'Cost per day and model' : 'Tokens per day and model'}</span>
        {currency && (
          <button type="button" onClick={() => setChosen(isCost ? 'total_tokens' : 'cost')}>
            {isCost ? 'Show tokens' : 'Show cost'}
          </button>
        )}
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-labelledby={`${id}-title`}
        aria-describedby={`${id}-text`}
      >
        <title id={`${id}-title`}>{isCost ? 'Cost per day and model' : 'Tokens per day and model'}</title>
        <desc id={`${id}-text`}>{describe(plot)}</desc>
        <Axis {...plot} />
        <Bars {...plot} />
      </svg>
      <Legend series={chart.series} />
      <UsageTable rows={rows} currency={currency} locale={locale} />
    </figure>
  )
}
