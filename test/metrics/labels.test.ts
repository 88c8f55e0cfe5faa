import t from 'tap'
import { createPrometheus } from '../../src/metrics/prometheus.js'
import { tokenOf } from '../helpers/app.js'
import { measuredApp } from './scrape.js'

t.test('a thousand odd users, models, tools and paths make no series', async (t) => {
  const odd = (n: number) => `odd-${n}`
  const app = await measuredApp(t, {})
  const ask = async (n: number) => {
    const headers = { authorization: `Bearer ${tokenOf(odd(n))}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ message: 'hi', model: odd(n) })
    if (n % 2) await app.app.inject({ method: 'GET', url: `/${odd(n)}`, headers })
    else await app.app.inject({ method: 'POST', url: `/api/${odd(n)}/chat`, headers, body })
  }
  for (let n = 0; n < 2; n += 1) await ask(n)
  const before = await app.scrape()
  for (let n = 2; n < 1_000; n += 1) await ask(n)
  const after = await app.scrape()
  t.equal(after.value('colloquy_http_requests_total'), 1_000, 'all were counted')
  t.equal(after.series, before.series, 'in the series that were there')
  t.notOk(after.text.includes('odd-'), 'none of which has their names')

  const { metrics, exposition } = createPrometheus({
    models: ['echo'],
    toolServers: ['todo'],
    currency: undefined,
  })
  const usage = { input_tokens: 1, output_tokens: 1, cached_input_tokens: null, reasoning_tokens: null }
  const used = { usage, cost: null }
  for (let n = 1; n <= 1_000; n += 1) {
    metrics.turn().ended({ model: odd(n), outcome: 'failed', code: odd(n), ...used })
    metrics.use('title', { model: odd(n), ...used })
    metrics.toolCall({ server: odd(n), tool: odd(n), outcome: 'ok', seconds: 1 })
    metrics.toolCall({ server: 'todo', tool: `tool-${n}`, outcome: 'ok', seconds: 1 })
    metrics.request({ operation: odd(n), status: 500, code: odd(n), seconds: 1 })
  }
  const text = await exposition.read()
  t.notOk(text.includes('odd-'), 'nor where such a name comes from elsewhere')
  t.ok(
    text.includes('colloquy_turns_total{outcome="failed",model="other",code="other"} 1000'),
    'they are others',
  )
  t.equal(
    text.match(/^colloquy_tool_calls_total\{server="todo"/gm)?.length,
    101,
    'a server has 100 tools, and the rest',
  )
})
