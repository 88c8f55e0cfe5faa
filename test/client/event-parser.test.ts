import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import t from 'tap'
import { createEventParser } from '../../src/client/event-parser.js'
import { drawSeed, runs } from '../helpers/seed.js'

/** What a parser that is not ours makes of the same text. */
const expected = (text: string) => {
  const events: { id: string; data: string }[] = []
  const parser = createParser({ onEvent: ({ id = '', data }) => void events.push({ id, data }) })
  parser.feed(text)
  return events
}

/** Text of lines that mean something, and of some that do not, with all three line ends. */
const line = fc.oneof(
  fc.constantFrom(
    '',
    '',
    ':',
    ': a comment',
    'data',
    'data:',
    'data: ',
    'id',
    'id:',
    'retry: 5',
    'event: x',
    'data :no',
    'datax: no',
  ),
  fc.string({ unit: 'grapheme' }).map((text) => `data: ${text.replaceAll(/[\r\n]/g, '')}`),
  fc.string({ unit: 'grapheme-ascii' }).map((text) => `id:${text.replaceAll(/[\r\n\0]/g, '')}`),
)
const text = fc
  .array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')))
  .map((lines) => `${lines.flat().join('')}\n\n`)

t.test('events are parsed as a library parses them, however the text is cut', async (t) => {
  const numRuns = runs(1_000)
  let texts = 0
  let cutTexts = 0
  fc.assert(
    fc.property(text, fc.array(fc.nat()), (text, cuts) => {
      const parse = createEventParser()
      const at = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b)
      texts += 1
      if (at.length > 1) cutTexts += 1
      const pieces = [0, ...at].map((from, i) => text.slice(from, at[i]))
      const seen = pieces.flatMap((piece) => parse(piece))
      return JSON.stringify(seen) === JSON.stringify(expected(text))
    }),
    { numRuns, seed: drawSeed(t) },
  )
  t.equal(texts, numRuns, 'every text gave the same events')
  t.ok(cutTexts > numRuns / 4, `${cutTexts} of them were cut in several places`)
})
