import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../src/config.js'
import { ConfigError } from '../src/environment.js'
import { defaultPrices } from '../src/models/default-prices.js'
import { isModelName } from '../src/models/open-model.js'

const folder = mkdtempSync(join(tmpdir(), 'prices-'))
t.teardown(() => rmSync(folder, { recursive: true }))

const withPrices = (text: string) => {
  const path = join(folder, 'prices.json')
  writeFileSync(path, text)
  return readConfig({ CHAT_PRICES: path }).prices
}
const file = (models: object, currency: unknown = 'EUR') => JSON.stringify({ currency, models })

t.test('a file of prices takes the place of the built-in table', async (t) => {
  const builtIn = readConfig({}).prices
  t.equal(builtIn?.of('openai/gpt-5.4')?.input, 2_500_000n, 'a model that the table has')
  t.equal(readConfig({ CHAT_PRICES: 'default' }).prices?.currency, 'USD', 'which may be named')
  for (const name of Object.keys(defaultPrices.models)) t.ok(isModelName(name), `${name} may be a model`)
  const prices = withPrices(file({ 'google/*': { input: '0.30', output: '2.5' } }))
  t.equal(prices?.currency, 'EUR', 'the currency of the file')
  t.equal(prices?.of('google/gemini')?.output, 2_500_000n, 'a price of the file')
  t.equal(prices?.of('openai/gpt-5.4'), undefined, 'and none but those')
})

t.test('a file that is wrong stops the start, and the message says where', async (t) => {
  const fine = { input: '1', output: '1' }
  const bad: [text: string, says: RegExp][] = [
    ['{', /CHAT_PRICES must be the path of a file of valid JSON/],
    ['{}', /CHAT_PRICES must be the path of a valid file: at \/currency/],
    [file({}, 'usd'), /at \/currency: a currency such as "USD"/],
    [file({ 'a b': fine }), /at \/models\/a b/],
    [file({ 'a*b': fine }), /at \/models\/a\*b/],
    [file({ m: { input: '1' } }), /at \/models\/m\/output/],
    [file({ m: { ...fine, image: '1' } }), /at \/models\/m: .*"image"/],
    ...[1.5, '', '-1', '1e3', '.5', '1.', '0.0000001', '1000000', '0x1'].map((input): [string, RegExp] => [
      file({ m: { ...fine, input } }),
      /at \/models\/m\/input/,
    ]),
  ]
  for (const [text, says] of bad)
    t.throws(() => withPrices(text), { message: says, constructor: ConfigError }, text)
  t.throws(
    () => readConfig({ CHAT_PRICES: join(folder, 'none.json') }),
    { message: /CHAT_PRICES .*ENOENT/ },
    'no file',
  )
})
