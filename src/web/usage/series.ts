import type { components } from '../../../generated/contract.js'

export type DailyUsage = components['schemas']['DailyUsage']
export type Measure = 'cost' | 'total_tokens'

/** As many as there are colours for; the models that took least share the last one. */
const MOST_SERIES = 6
/** A year and a day: a bar for each of more days would be too thin to see. */
const MOST_DAYS = 366
const DAY_MS = 86_400_000

export interface Segment {
  series: number
  from: number
  to: number
}

export interface Bar {
  day: string
  total: number
  segments: Segment[]
}

export interface Chart {
  /** the models, the one with the largest sum first; null stands for all others together */
  series: (string | null)[]
  bars: Bar[]
  /** where the axis ends, a round number */
  top: number
}

const amountOf = (row: DailyUsage, measure: Measure): number => Math.max(0, row[measure] ?? 0)

const add = <K>(sums: Map<K, number>, key: K, value: number) => sums.set(key, (sums.get(key) ?? 0) + value)

/** The models in the order of their sums, and the colour of each. */
const rank = (rows: readonly DailyUsage[], measure: Measure) => {
  const sums = new Map<string, number>()
  for (const row of rows) add(sums, row.model, amountOf(row, measure))
  const models = [...sums].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([model]) => model)
  if (models.length <= MOST_SERIES) return { models, series: models }
  return { models, series: [...models.slice(0, MOST_SERIES - 1), null] }
}

/** Every day from the first to the last, since days without turns have no rows. */
const daysOf = (rows: readonly DailyUsage[]): string[] => {
  const times = rows.map(({ day }) => Date.parse(day))
  const last = times.reduce((a, b) => Math.max(a, b))
  const first = Math.max(
    times.reduce((a, b) => Math.min(a, b)),
    last - (MOST_DAYS - 1) * DAY_MS,
  )
  const count = Math.round((last - first) / DAY_MS) + 1
  return Array.from({ length: count }, (_, i) => new Date(first + i * DAY_MS).toISOString().slice(0, 10))
}

/** The smallest of 1, 2, 2.5, 5 and 10 times a power of ten that is not below the value. */
export const roundUp = (value: number): number => {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= value * (1 - 1e-12)) ?? 10
  return step * power
}

/** The rows of listUsage as stacked bars, one for each day. Undefined when there are none. */
export const chartOf = (rows: readonly DailyUsage[], measure: Measure): Chart | undefined => {
  if (rows.length === 0) return undefined
  const { models, series } = rank(rows, measure)
  const colours = new Map(models.map((model, i) => [model, Math.min(i, series.length - 1)]))
  const values = new Map<string, Map<number, number>>()
  for (const row of rows) {
    const ofDay = values.get(row.day) ?? new Map<number, number>()
    values.set(row.day, ofDay)
    add(ofDay, colours.get(row.model) ?? 0, amountOf(row, measure))
  }
  const bars = daysOf(rows).map((day): Bar => {
    let total = 0
    const segments: Segment[] = []
    for (const [colour, value] of [...(values.get(day) ?? [])].sort((a, b) => a[0] - b[0])) {
      if (value > 0) segments.push({ series: colour, from: total, to: total + value })
      total += value
    }
    return { day, total, segments }
  })
  return { series, bars, top: roundUp(Math.max(...bars.map(({ total }) => total))) }
}
