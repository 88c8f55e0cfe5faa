import t from 'tap'
import type { ModelUsage } from '../../src/models/model.js'
import { costOf, createPrices, type PriceEntry } from '../../src/models/prices.js'

const usage = (input: number | null, output: number | null, cached = 0, reasoning = 0): ModelUsage => ({
  input_tokens: input,
  output_tokens: output,
  cached_input_tokens: cached,
  reasoning_tokens: reasoning,
  total_tokens: null,
})

const priceOf = (entry: PriceEntry) => createPrices({ currency: 'USD', models: { m: entry } }).of('m')

const full = { input: '2.50', cached_input: '0.25', cache_write: '3.125', output: '15', reasoning: '20' }

/** Prices, a usage, tokens written to the cache, and the cost in microunits. */
const costs: [what: string, PriceEntry, ModelUsage, written: number, cost: number | null][] = [
  ['each kind has its price', full, usage(100, 10, 40, 4), 20, 343],
  ['nothing costs nothing', full, usage(0, 0), 0, 0],
  ['the least part of a microunit is one', { input: '0.000001', output: '0' }, usage(1, 5), 0, 1],
  ['a whole microunit is not rounded up', { input: '0.000001', output: '0' }, usage(1_000_000, 0), 0, 1],
  ['one part more is', { input: '0.000001', output: '0' }, usage(1_000_001, 0), 0, 2],
  ['0.1 and 0.2 are exact', { input: '0.1', output: '0.2' }, usage(1, 1), 0, 1],
  ['ten times as well', { input: '0.1', output: '0.2' }, usage(10, 10), 0, 3],
  ['what is left out costs as input and output', { input: '1', output: '3' }, usage(10, 10, 5, 5), 2, 40],
  [
    'more cached than sent is not less',
    { input: '1', cached_input: '1', output: '1' },
    usage(5, 5, 9, 9),
    0,
    18,
  ],
  [
    'the largest counts',
    { input: '999999.999999', output: '0' },
    usage(2 ** 31 - 1, 0),
    0,
    2_147_483_646_997_853,
  ],
  ['unreported input', full, usage(null, 1), 0, null],
  ['unreported output', full, usage(1, null), 0, null],
]

t.test('costs are exact to the microunit, and rounded up once', async (t) => {
  for (const [what, entry, used, written, cost] of costs)
    t.equal(costOf(priceOf(entry), used, written), cost, what)
  t.equal(costOf(undefined, usage(1, 1)), null, 'without a price it is not known')
})

t.test('a model has its own price, else that of the longest beginning of its name', async (t) => {
  const models = {
    'openai/*': { input: '1', output: '1' },
    'openai/gpt*': { input: '2', output: '1' },
    'openai/gpt': { input: '3', output: '1' },
  }
  const { of } = createPrices({ currency: 'USD', models })
  const expected: [model: string, input: bigint | undefined][] = [
    ['openai/gpt', 3_000_000n],
    ['openai/gpt-5', 2_000_000n],
    ['openai/o3', 1_000_000n],
    ['anthropic/gpt', undefined],
    ['constructor', undefined],
  ]
  for (const [model, input] of expected) t.equal(of(model)?.input, input, model)
  t.equal(
    createPrices({ currency: 'USD', models: { '*': full } }).of('echo')?.output,
    15_000_000n,
    'a * alone',
  )
})
