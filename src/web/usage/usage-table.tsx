import { formatCost, formatCount } from './format.js'
import type { DailyUsage } from './series.js'

export interface UsageTableProps {
  /** the rows of listUsage */
  rows: readonly DailyUsage[]
  /** null when the server knows no prices: then only tokens are shown */
  currency: string | null
  locale?: string
}

/** The numbers behind the chart, for those who want them exactly or cannot see it. */
export const UsageTable = ({ rows, currency, locale }: UsageTableProps) => {
  const count = (value: number) => formatCount(value, locale)
  return (
    <details class="usage-details">
      <summary>Show as a table</summary>
      <table class="usage-table">
        <thead>
          <tr>
            <th scope="col">Day</th>
            <th scope="col">Model</th>
            <th scope="col">Turns</th>
            <th scope="col">Tokens in</th>
            <th scope="col">Tokens out</th>
            {currency && <th scope="col">Cost</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.day} ${row.model}`}>
              <th scope="row">{row.day}</th>
              <td>{row.model}</td>
              <td>{count(row.turns)}</td>
              <td>{count(row.input_tokens)}</td>
              <td>{count(row.output_tokens)}</td>
              {currency && <td>{row.cost === null ? 'unknown' : formatCost(row.cost, currency, locale)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  )
}
