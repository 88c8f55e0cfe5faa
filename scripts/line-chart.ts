import { element, svg, textAt, tooltip } from './svg.js'

export interface Series {
  name: string
  points: { x: number; y: number }[]
}

export interface LineChart {
  title: string
  /** what the values across are, which are on a logarithmic scale */
  across: string
  /** what the values upwards are */
  upwards: string
  /** default: from nought */
  isLogarithmic?: boolean
  series: Series[]
}

const width = 720
const height = 380
const plot = { left: 64, right: 30, top: 44, bottom: 72 }
const right = width - plot.right
const bottom = height - plot.bottom

const format = (value: number): string => value.toLocaleString('en-GB', { maximumFractionDigits: 2 })

/** The next rounder number: 1, 2 or 5 times a power of ten. */
const roundUp = (value: number): number => {
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 5].find((step) => step * power >= value * 0.999_999) ?? 10) * power
}

const linearTicks = (max: number): number[] => {
  const step = roundUp(max / 5)
  return Array.from({ length: Math.ceil(max / step) + 1 }, (_, i) => i * step)
}

const decades = (min: number, max: number): number[] => {
  const first = Math.floor(Math.log10(min))
  return Array.from({ length: Math.ceil(Math.log10(max)) - first + 1 }, (_, i) => 10 ** (first + i))
}

/** Where a value is between two others, both of which it may be. */
const scale = (from: number, to: number, isLogarithmic: boolean) => {
  const place = isLogarithmic ? Math.log10 : (value: number) => value
  const span = place(to) - place(from) || 1
  return (value: number): number => (place(value) - place(from)) / span
}

/** Draws lines through points, with the points marked. */
export const lineChart = ({ title, across, upwards, isLogarithmic = false, series }: LineChart): string => {
  const points = series.flatMap((one) => one.points)
  const xs = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b)
  const highest = Math.max(...points.map(({ y }) => y))
  const ticks = isLogarithmic ? decades(Math.min(...points.map(({ y }) => y)), highest) : linearTicks(highest)
  const xScale = scale(xs[0] ?? 1, xs.at(-1) ?? 1, true)
  const yScale = scale(ticks[0] ?? 0, ticks.at(-1) ?? 1, isLogarithmic)
  const xAt = (x: number): number => plot.left + xScale(x) * (right - plot.left)
  const yAt = (y: number): number => bottom - yScale(y) * (bottom - plot.top)

  const lines = series.map(({ name, points }, index) => {
    const path = points.map(
      ({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${xAt(x).toFixed(1)} ${yAt(y).toFixed(1)}`,
    )
    const marks = points.map(({ x, y }) =>
      element(
        'circle',
        { cx: xAt(x), cy: yAt(y), r: 3.5, class: 'fill' },
        tooltip(`${name}: ${format(y)} at ${format(x)}`),
      ),
    )
    const dashes = index === 0 ? undefined : ['6 3', '2 3', '8 3 2 3', '12 4', '1 4'][(index - 1) % 5]
    const line = element('path', { d: path.join(''), class: 'line', 'stroke-dasharray': dashes })
    return element('g', { class: `c${index % 6}` }, line, ...marks)
  })
  const legendStep = (right - plot.left) / Math.max(series.length, 1)
  const legend = series.map(({ name }, index) =>
    element(
      'g',
      { class: `c${index % 6}` },
      element('circle', { cx: plot.left + index * legendStep + 5, cy: height - 14, r: 4.5, class: 'fill' }),
      textAt(plot.left + index * legendStep + 15, height - 10, name),
    ),
  )
  return svg(
    width,
    height,
    `${title}: ${upwards} by ${across}`,
    textAt(16, 22, title, 'start', 'title'),
    textAt(right, 22, upwards, 'end'),
    ...ticks.map((tick) =>
      [
        element('path', { d: `M${plot.left} ${yAt(tick).toFixed(1)}H${right}`, class: 'grid' }),
        textAt(plot.left - 8, yAt(tick) + 4, format(tick), 'end'),
      ].join(''),
    ),
    ...xs.map((x) => textAt(xAt(x), bottom + 18, format(x), 'middle')),
    textAt((plot.left + right) / 2, bottom + 36, across, 'middle'),
    ...lines,
    ...legend,
  )
}
