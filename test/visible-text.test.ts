import t from 'tap'
import { fromFirstVisible, hasVisibleText } from '../src/visible-text.js'

t.test('a text that a reader sees is one, whatever is around it', async (t) => {
  const visible = [
    'a',
    '.',
    '\u200ba\u200b',
    '👩‍👧',
    '❤️',
    '🇫🇷',
    '1️⃣',
    'َ',
    '۝',
    '\ufffd',
    '\ufffc',
    '\u{13000}',
    'ᄀ',
    '〇',
  ]
  for (const text of visible) t.ok(hasVisibleText(text), JSON.stringify(text))
})

t.test('what Unicode calls white space, control, format or ignorable is not seen', async (t) => {
  const properties = [
    'White_Space',
    'Cc',
    'Default_Ignorable_Code_Point',
    'Zs',
    'Zl',
    'Zp',
    'Variation_Selector',
  ]
  const isOfThem = new RegExp(`[${properties.map((name) => `\\p{${name}}`).join('')}]`, 'u')
  let all = ''
  for (let point = 0; point <= 0x10_ff_ff; point += 1) {
    const character = String.fromCodePoint(point)
    if (!isOfThem.test(character)) continue
    all += character
    if (hasVisibleText(character)) t.fail(point.toString(16))
  }
  t.ok(all.length > 4_000, 'there are thousands of them')
  t.notOk(hasVisibleText(all), 'nor are all of them together')
  t.equal(fromFirstVisible(`${all}a b`), 'a b', 'a text begins behind them')
  t.equal(fromFirstVisible(all), '', 'and is empty without another')
})
