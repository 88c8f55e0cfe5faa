import type { components } from '../../../generated/contract.js'
import { formatCost, formatCount } from './format.js'

type Usage = components['schemas']['Usage']

export interface UsageLineProps {
  /** what the turns of a conversation report */
  usages: readonly (Usage | null | undefined)[]
  /** as listUsage names it; null when the server knows no prices */
  currency: string | null
  locale?: string
}

/** The sum of what is known; undefined when nothing is. */
const sumOf = (values: (number | null | undefined)[]): number | undefined => {
  const known = values.filter((value) => typeof value === 'number')
  return known.length > 0 ? known.reduce((a, b) => a + b) : undefined
}

/** What a conversation took, in a line: turns, tokens, and the cost where prices are known. Nothing before the first turn. */
export const UsageLine = ({ usages, currency, locale }: UsageLineProps) => {
  const reported = usages.filter((usage) => usage != null)
  const [total, input, output, cost] = (
    ['total_tokens', 'input_tokens', 'output_tokens', 'cost'] as const
  ).map((field) => sumOf(reported.map((usage) => usage[field])))
  if (usages.length === 0) return null
  const count = (value: number) => formatCount(value, locale)
  const parts = [usages.length === 1 ? '1 turn' : `${count(usages.length)} turns`]
  if (total !== undefined) {
    const split =
      input !== undefined && output !== undefined ? ` (${count(input)} in, ${count(output)} out)` : ''
    parts.push(`${count(total)} tokens${split}`)
  }
  if (cost !== undefined && currency) parts.push(formatCost(cost, currency, locale))
  return <p class="usage-line">{parts.join(' · ')}</p>
}
