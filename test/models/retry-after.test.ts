import t from 'tap'
import { readRetryAfter } from '../../src/models/retry-after.js'

const now = Date.parse('2026-11-21T09:30:00Z')
const read = (headers: Record<string, string>) => readRetryAfter(headers, now)

t.test('Retry-After is read in seconds and as a date, OpenAI’s in milliseconds', async (t) => {
  t.equal(read({ 'retry-after': '7' }), 7_000, 'seconds')
  t.equal(read({ 'retry-after': 'Sat, 21 Nov 2026 09:30:30 GMT' }), 30_000, 'a date')
  t.equal(read({ 'retry-after': 'Sat, 21 Nov 2026 09:29:30 GMT' }), 0, 'a date that has passed')
  t.equal(read({ 'retry-after': '7', 'retry-after-ms': '250' }), 250, 'milliseconds count before seconds')
})

t.test('what cannot be read says nothing', async (t) => {
  for (const value of ['', 'soon', '-1', '1e9', '9'.repeat(20)])
    t.equal(read({ 'retry-after': value }), undefined, value)
  t.equal(read({}), undefined, 'an answer without the header')
  t.equal(readRetryAfter(undefined), undefined, 'no headers at all')
})
