import t from 'tap'
import { testApp, tokenOf } from '../helpers/app.js'

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
  t.equal(allowed.status, 204)
  t.equal(allowed.headers.get('access-control-allow-origin'), origin)
  t.match(allowed.headers.get('access-control-allow-headers'), /authorization/)
  t.notOk(allowed.headers.has('access-control-allow-credentials'), 'no cookies')

  const refused = await fetch(`${url}/api/alice/chat`, preflight('https://evil.example'))
  t.notOk(refused.headers.has('access-control-allow-origin'))

  const headers = { origin, authorization: `Bearer ${tokenOf('alice')}` }
  const call = await fetch(`${url}/api/alice/conversations`, { headers })
  t.equal(call.headers.get('access-control-allow-origin'), origin)
  t.match(call.headers.get('vary'), /origin/i)
  const problem = await fetch(`${url}/api/alice/conversations`, { headers: { origin } })
  t.equal(problem.status, 401)
  t.equal(problem.headers.get('access-control-allow-origin'), origin, 'a page can read problems, too')
  const other = await fetch(`${url}/api/alice/chat`, { method: 'OPTIONS', headers: { origin } })
  t.equal(other.status, 405, 'an OPTIONS that asks for nothing')
})

t.test('without configured origins no page of another origin may call', async (t) => {
  const { url } = await testApp(t)
  const answer = await fetch(`${url}/api/alice/chat`, preflight(origin))
  t.equal(answer.status, 405)
  t.notOk(answer.headers.has('access-control-allow-origin'))
})
