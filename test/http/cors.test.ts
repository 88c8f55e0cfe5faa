import { pino } from 'pino'
import t from 'tap'
import { testApp, tokenOf } from '../helpers/app.js'
import { until } from '../helpers/models.js'

const origin = 'https://app.example'
const preflight = (from: string) => ({
  method: 'OPTIONS',
  headers: {
    origin: from,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type',
  },
})

t.test('pages of the configured origins may call, others may not', async (t) => {
  const { url } = await testApp(t, { corsOrigins: [origin, 'http://localhost:5173'] })
  const allowed = await fetch(`${url}/api/alice/chat`, preflight(origin))
  t.equal(allowed.status, 204, 'the preflight is answered')
  t.equal(allowed.headers.get('access-control-allow-origin'), origin, 'its origin is allowed')
  t.match(allowed.headers.get('access-control-allow-headers'), /authorization/, 'it may send a token')
  t.notOk(allowed.headers.has('access-control-allow-credentials'), 'no cookies')

  const refused = await fetch(`${url}/api/alice/chat`, preflight('https://evil.example'))
  t.notOk(refused.headers.has('access-control-allow-origin'), 'another origin is not allowed')

  const headers = { origin, authorization: `Bearer ${tokenOf('alice')}` }
  const call = await fetch(`${url}/api/alice/conversations`, { headers })
  t.equal(call.headers.get('access-control-allow-origin'), origin, 'the request itself is allowed, too')
  t.match(call.headers.get('vary'), /origin/i, 'caches keep the answers of different origins apart')
  t.same(
    call.headers.get('access-control-expose-headers')?.split(', ').sort(),
    [
      'consistency-token',
      'content-disposition',
      'deprecation',
      'idempotency-replayed',
      'location',
      'ratelimit',
      'ratelimit-policy',
      'retry-after',
      'sunset',
      'x-request-id',
      'x-vercel-ai-ui-message-stream',
    ],
    'the headers that a page may read',
  )
  const problem = await fetch(`${url}/api/alice/conversations`, { headers: { origin } })
  t.equal(problem.status, 401, 'a request without a token is refused')
  t.equal(problem.headers.get('access-control-allow-origin'), origin, 'a page can read problems, too')
  const other = await fetch(`${url}/api/alice/chat`, { method: 'OPTIONS', headers: { origin } })
  t.equal(other.status, 405, 'an OPTIONS that asks for nothing')
})

t.test('without configured origins no page of another origin may call', async (t) => {
  const { url } = await testApp(t)
  const answer = await fetch(`${url}/api/alice/chat`, preflight(origin))
  t.match(
    await answer.json(),
    { status: 403, code: 'origin-not-allowed', detail: /CHAT_CORS_ORIGINS/ },
    'the refusal names the setting',
  )
  t.notOk(answer.headers.has('access-control-allow-origin'), 'no origin is allowed')
})

t.test('a refused origin is one line in the log, which says what would be right', async (t) => {
  const lines: string[] = []
  const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) })
  const { url } = await testApp(t, { corsOrigins: [origin], log })
  const ask = async (from: string): Promise<number> => {
    const answer = await fetch(`${url}/api/alice/chat`, preflight(from))
    await answer.text()
    return answer.status
  }
  for (const from of ['https://app.example.evil', 'null', `https://${'a'.repeat(5_000)}`]) {
    lines.length = 0
    const name = from.slice(0, 30)
    t.equal(await ask(from), 403, `${name}: refused`)
    await until(() => lines.length > 0)
    t.equal(lines.length, 1, `${name}: one line`)
    t.ok((lines[0] ?? '').length < 1_000, `${name}: of a bounded length`)
    const refusal = { reason: 'origin', expected: [origin], received: from.slice(0, 200) }
    t.match(
      JSON.parse(lines[0] ?? ''),
      { operation: 'preflight', status: 403, refusal },
      `${name}: with what was expected and what came`,
    )
  }
  for (let n = 0; n < 100; n += 1) await ask('https://flood.example')
  await until(() => lines.length >= 100)
  const telling = lines.filter((line) => line.includes('flood.example')).length
  t.ok(telling > 0 && telling < 100, `${telling} of 100 lines tell the origin`)
})
