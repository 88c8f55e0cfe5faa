import { z } from 'zod'
import type { EnvironmentReader } from './environment.js'
import { defaultPrices } from './models/default-prices.js'
import { createPrices, decimalPrice, type Prices } from './models/prices.js'

const price = z.string().regex(decimalPrice, 'a price of a million tokens, as a text such as "2.50"')

/** An asterisk only at the end of a name. */
const modelName = z
  .string()
  .max(200)
  .regex(/^[!-)+-~]+\*?$|^\*$/, 'the name of a model, or how names begin and a *')

const pricesFile = z.strictObject({
  currency: z.string().regex(/^[A-Z]{3}$/, 'a currency such as "USD"'),
  models: z.record(
    modelName,
    z.strictObject({
      input: price,
      cached_input: price.optional(),
      cache_write: price.optional(),
      output: price,
      reasoning: price.optional(),
    }),
  ),
})

/** Reads what models cost; undefined: nothing is known of it. Throws ConfigError. */
export const readPrices = ({ text, json }: EnvironmentReader): Prices | undefined => {
  const from = text('CHAT_PRICES') ?? 'default'
  if (from === 'off') return undefined
  return createPrices(from === 'default' ? defaultPrices : (json('CHAT_PRICES', pricesFile) ?? defaultPrices))
}
