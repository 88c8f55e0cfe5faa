import type { ModelUsage } from './model.js'

/** What a token costs, in millionths of a microunit: the price of a million tokens times a million, so that every price is whole. */
export interface Price {
  input: bigint
  /** of an input token that the provider had in its cache */
  cachedInput: bigint
  /** of an input token that the provider put into its cache */
  cacheWrite: bigint
  output: bigint
  /** of an output token that the model spent on reasoning */
  reasoning: bigint
}

/** The prices of a million tokens, in decimals: `{"input": "2.50", "output": "15"}`. What is left out costs as input, or as output. */
export interface PriceEntry {
  input: string
  cached_input?: string | undefined
  cache_write?: string | undefined
  output: string
  reasoning?: string | undefined
}

export interface PriceTable {
  /** ISO 4217 */
  currency: string
  /** by the name of a model, or by how names begin, with a `*` at the end */
  models: Readonly<Record<string, PriceEntry>>
}

export interface Prices {
  currency: string
  /** undefined: the model's price is not known */
  of(model: string): Price | undefined
}

/** At most six decimals: a price of a million tokens is a whole number of millionths. */
export const decimalPrice = /^\d{1,6}(\.\d{1,6})?$/

export const microunit = 1_000_000n

/** A decimal with up to six places times a million: a price per token, or an amount of money in microunits. */
export const toMillionths = (price: string): bigint => {
  const [whole = '', decimals = ''] = price.split('.')
  return BigInt(whole + decimals.padEnd(6, '0'))
}

const toPrice = ({ input, output, ...entry }: PriceEntry): Price => ({
  input: toMillionths(input),
  cachedInput: toMillionths(entry.cached_input ?? input),
  cacheWrite: toMillionths(entry.cache_write ?? input),
  output: toMillionths(output),
  reasoning: toMillionths(entry.reasoning ?? output),
})

/** A model's own entry comes first, then the longest beginning of its name. */
export const createPrices = ({ currency, models }: PriceTable): Prices => {
  const byName = new Map(Object.entries(models).map(([name, entry]) => [name, toPrice(entry)]))
  const beginnings = [...byName.keys()]
    .filter((name) => name.endsWith('*'))
    .sort((a, b) => b.length - a.length)
  return {
    currency,
    of(model) {
      const beginning = beginnings.find((name) => model.startsWith(name.slice(0, -1)))
      return byName.get(model) ?? (beginning === undefined ? undefined : byName.get(beginning))
    },
  }
}

const atLeast0 = (tokens: number): bigint => BigInt(Math.max(tokens, 0))

/** What the usage costs, in millionths of a microunit; undefined when the price is not known, or the provider did not report the tokens. */
export const amountOf = (
  price: Price | undefined,
  { input_tokens, output_tokens, cached_input_tokens, reasoning_tokens }: ModelUsage,
  cacheWriteTokens = 0,
): bigint | undefined => {
  if (!price || input_tokens === null || output_tokens === null) return undefined
  const cached = cached_input_tokens ?? 0
  const reasoning = reasoning_tokens ?? 0
  // Cached tokens are a part of the input, and reasoning of the output; where a provider reports more of them, they count.
  return (
    atLeast0(input_tokens - cached - cacheWriteTokens) * price.input +
    BigInt(cached) * price.cachedInput +
    BigInt(cacheWriteTokens) * price.cacheWrite +
    atLeast0(output_tokens - reasoning) * price.output +
    BigInt(reasoning) * price.reasoning
  )
}

/** An amount in whole microunits, rounded up. */
export const toMicrounits = (amount: bigint): number => Number((amount + microunit - 1n) / microunit)

/** What the usage costs, in whole microunits, rounded up; null when that is not known. */
export const costOf = (
  price: Price | undefined,
  usage: ModelUsage,
  cacheWriteTokens?: number,
): number | null => {
  const amount = amountOf(price, usage, cacheWriteTokens)
  return amount === undefined ? null : toMicrounits(amount)
}
