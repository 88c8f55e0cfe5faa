import { markdownTable } from 'markdown-table'
import type { Cell, Report, Table, Target } from './part.js'

/** Formats a number with at least three significant digits unless it is an integer, and with thousands separators. */
const text = (cell: Cell): string => {
  if (typeof cell === 'string') return cell
  const digits = Number.isInteger(cell) || Math.abs(cell) >= 100 ? 0 : Math.abs(cell) >= 10 ? 1 : 2
  return cell.toLocaleString('en-GB', { maximumFractionDigits: digits, minimumFractionDigits: digits })
}

const grid = (columns: string[], rows: Cell[][]): string => {
  const align = columns.map((_, i) => (rows.every((row) => typeof row[i] === 'number') ? 'r' : 'l'))
  return markdownTable([columns, ...rows.map((row) => row.map(text))], { align })
}

const tableText = ({ title, columns, rows, notes = [] }: Table): string =>
  [`### ${title}`, grid(columns, rows), ...notes].join('\n\n')

const targetsText = (targets: Target[]): string =>
  grid(
    ['target', 'wanted', 'measured', 'met'],
    targets.map(({ what, wanted, measured, isMet }) => [what, wanted, measured, isMet ? 'yes' : 'NO']),
  )

/** Renders a part's tables and targets as Markdown. */
export const reportText = ({ tables, targets = [] }: Report): string =>
  [...tables.map(tableText), ...(targets.length > 0 ? [targetsText(targets)] : [])].join('\n\n')
