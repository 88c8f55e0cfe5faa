import { marked } from 'marked'
import { type LineChart, lineChart, type Series } from '../line-chart.js'

/** A table as the results have it in Markdown. */
interface SavedTable {
  title: string
  columns: string[]
  rows: string[][]
}

const numberOf = (cell = ''): number => (/\d/.test(cell) ? Number(cell.replaceAll(',', '')) : Number.NaN)

/** A series of one column, by the values of another. */
const seriesOf = (
  { columns, rows }: SavedTable,
  across: string,
  upwards: string,
  name = upwards,
): Series => ({
  name,
  points: rows
    .map((row) => ({ x: numberOf(row[columns.indexOf(across)]), y: numberOf(row[columns.indexOf(upwards)]) }))
    .filter(({ x, y }) => x > 0 && y > 0),
})

const throughputCharts = (table: SavedTable): [name: string, chart: LineChart][] => {
  const kindAt = table.columns.indexOf('conversations')
  const kinds = [...new Set(table.rows.map((row) => row[kindAt] ?? ''))]
  const of = (kind: string): SavedTable => ({
    ...table,
    rows: table.rows.filter((row) => row[kindAt] === kind),
  })
  const speeds = kinds.map((kind): [string, LineChart] => [
    `throughput-${kind}`,
    {
      title: `Turns in ${kind} conversations, against what PostgreSQL alone makes`,
      across: 'connections',
      upwards: 'turns/s',
      series: [
        seriesOf(of(kind), 'connections', 'turns/s', 'over HTTP'),
        seriesOf(of(kind), 'connections', 'ceiling turns/s', 'ceiling'),
        seriesOf(of(kind), 'connections', 'minimal ceiling turns/s', 'minimal ceiling'),
      ],
    },
  ])
  const series = kinds.flatMap((kind) =>
    ['p50', 'p99'].map((name) => seriesOf(of(kind), 'connections', `${name} ms`, `${kind}, ${name}`)),
  )
  const latency: LineChart = {
    title: 'How long a turn takes',
    across: 'connections',
    upwards: 'ms',
    isLogarithmic: true,
    series,
  }
  return [...speeds, ['latency', latency]]
}

/** How each row grows with the columns in its middle, compared with the first of them. */
const growthChart =
  (name: string, title: string, across: string) =>
  ({ columns, rows }: SavedTable): [name: string, chart: LineChart][] => [
    [
      name,
      {
        title,
        across,
        upwards: 'times the smallest',
        series: rows.map(([what = '', ...cells]) => ({
          name: what,
          points: columns
            .slice(1, -1)
            .map((column, i) => ({ x: numberOf(column), y: numberOf(cells[i]) / numberOf(cells[0]) }))
            .filter(({ x, y }) => x > 0 && y > 0 && Number.isFinite(y)),
        })),
      },
    ],
  ]

/** The tables that are drawn, by how their titles begin. */
const drawn: Record<string, (table: SavedTable) => [name: string, chart: LineChart][]> = {
  'Turns over HTTP': throughputCharts,
  'A turn in conversations': growthChart(
    'growth-turns',
    'What a turn costs as its conversation grows',
    'messages',
  ),
  'A read over HTTP': growthChart('growth-reads', 'What a read costs as its user has more', 'conversations'),
}

/** The charts of a table that have something to show. */
const chartsOf = (table: SavedTable): [name: string, chart: LineChart][] =>
  Object.entries(drawn)
    .flatMap(([title, draw]) => (table.title.startsWith(title) ? draw(table) : []))
    .filter(([, { series }]) => series.some(({ points }) => points.length > 0))

const picture = /^!\[[^\]]*\]\([^)]*\.svg\)\n+/gm

/**
 * Draws the tables of saved results. Gives the Markdown with the pictures below their tables, in place of those that it had, and the
 * pictures by their file's name, which begins with `name`.
 */
export const drawResults = (
  markdown: string,
  name: string,
): { markdown: string; pictures: Record<string, string> } => {
  const pictures: Record<string, string> = {}
  let title = ''
  const parts = marked.lexer(markdown.replace(picture, '')).map((token) => {
    if (token.type === 'heading') title = token.text
    if (token.type !== 'table') return token.raw
    const columns = token.header.map(({ text }: { text: string }) => text)
    const rows = token.rows.map((row: { text: string }[]) => row.map(({ text }) => text))
    const charts = chartsOf({ title, columns, rows })
    // The tables of targets that follow are not those of the title.
    title = ''
    const links = charts.map(([kind, chart]) => {
      const file = `${name}-${kind}.svg`
      pictures[file] = lineChart(chart)
      return `![${chart.title}](${file})\n\n`
    })
    const [, after = ''] = /(\n+)$/.exec(token.raw) ?? []
    return links.length === 0 ? token.raw : `${token.raw.trimEnd()}\n\n${links.join('').trimEnd()}${after}`
  })
  return { markdown: parts.join(''), pictures }
}
