import type { AnswerKind, Timeline } from '../test/history/result.js'
import { element, svg, textAt, tooltip } from './svg.js'

/** From the bottom of a column to its top, with the class of their colour. */
const kinds: [kind: AnswerKind, color: string][] = [
  ['completed', 'c2'],
  ['other outcome', 'c0'],
  ['refused', 'c5'],
  ['failed', 'c1'],
  ['cut', 'c4'],
]
const width = 1_000
const left = 150
const right = width - 16
const answersTop = 44
const answersBottom = 244
const laneHeight = 22
const columns = 140

const secondsOf = (micros: number): string => (micros / 1_000_000).toFixed(1)

/** When faults were injected, and what was answered meanwhile. A column is a span of time, stacked by kinds of answers. */
export const timelinePicture = ({ answers, faults }: Timeline, title: string): string => {
  const times = [...answers.map(({ at }) => at), ...faults.flatMap(({ from, to }) => [from, to])]
  const start = times.reduce((least, at) => Math.min(least, at), Number.POSITIVE_INFINITY)
  const length = Math.max(times.reduce((most, at) => Math.max(most, at), start) - start, 1)
  const xAt = (at: number): number => left + ((at - start) / length) * (right - left)

  const counts = Array.from({ length: columns }, () => new Map<AnswerKind, number>())
  for (const { at, kind } of answers) {
    const column = counts[Math.min(columns - 1, Math.floor(((at - start) / length) * columns))]
    column?.set(kind, (column.get(kind) ?? 0) + 1)
  }
  const sumOf = (column: Map<AnswerKind, number>): number =>
    [...column.values()].reduce((sum, n) => sum + n, 0)
  const most = Math.max(...counts.map(sumOf), 1)
  const columnWidth = (right - left) / columns
  const stack = (column: Map<AnswerKind, number>, index: number): string => {
    let bottom = answersBottom
    return kinds
      .map(([kind, color]) => {
        const count = column.get(kind) ?? 0
        if (count === 0) return ''
        const height = (count / most) * (answersBottom - answersTop)
        bottom -= height
        const x = left + index * columnWidth
        const box = { x, y: bottom, width: columnWidth - 0.5, height, class: 'fill' }
        const at = secondsOf((index / columns) * length)
        return element('g', { class: color }, element('rect', box, tooltip(`${count} ${kind}, at ${at} s`)))
      })
      .join('')
  }

  const lanes = [...new Set(faults.map(({ fault }) => fault))].sort()
  const lanesTop = answersBottom + 44
  const laneTexts = lanes.map((fault, lane) =>
    textAt(left - 10, lanesTop + lane * laneHeight + 12, fault, 'end'),
  )
  const bars = faults.map(({ fault, from, to }) => {
    const place = { x: xAt(from), y: lanesTop + lanes.indexOf(fault) * laneHeight + 3 }
    const size = { width: Math.max(xAt(to) - xAt(from), 2), height: laneHeight - 8 }
    const told = tooltip(`${fault}: from ${secondsOf(from - start)} s, for ${secondsOf(to - from)} s`)
    return element('g', { class: 'c4' }, element('rect', { ...place, ...size, class: 'fill' }, told))
  })
  const legend = kinds.map(([kind, color], index) =>
    element(
      'g',
      { class: color },
      element('circle', { cx: right - 520 + index * 110, cy: 18, r: 4.5, class: 'fill' }),
      textAt(right - 510 + index * 110, 22, kind),
    ),
  )
  const ticks = Array.from({ length: 6 }, (_, i) => start + (i * length) / 5)
  return svg(
    width,
    lanesTop + lanes.length * laneHeight + 16,
    `${title}: ${answers.length} answers and ${faults.length} faults over time`,
    textAt(16, 22, title, 'start', 'title'),
    textAt(left - 10, answersTop + 8, `${most} answers`, 'end'),
    textAt(left - 10, answersBottom, 'answers', 'end'),
    ...ticks.map((at) =>
      [
        element('path', {
          d: `M${xAt(at).toFixed(1)} ${answersTop}V${lanesTop + lanes.length * laneHeight}`,
          class: 'grid',
        }),
        textAt(xAt(at), answersBottom + 20, `${secondsOf(at - start)} s`, 'middle'),
      ].join(''),
    ),
    ...counts.map(stack),
    ...laneTexts,
    ...bars,
    ...legend,
  )
}
