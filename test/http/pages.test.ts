import t from 'tap'
import { testApp, tokenOf } from '../helpers/app.js'
import { contractOperations } from '../helpers/contract.js'

const origin = 'https://app.example'
const listed = (headers: Headers, name: string): string[] =>
  (headers.get(name) ?? '').split(',').flatMap((part) => part.trim().toLowerCase() || [])

/** What a page may read of any answer (Fetch standard, CORS-safelisted response-header names), or has no use for. */
const safelisted = ['cache-control', 'content-type', 'www-authenticate']

t.test(
  'a page may send every header that the contract takes, and read every one that it gives',
  async (t) => {
    const { url } = await testApp(t, { corsOrigins: [origin] })
    for (const { method, path } of contractOperations) {
      const target = `${url}${path.replace(/\{\w+\}/g, 'alice')}`
      const headers = { origin, 'access-control-request-method': method }
      const preflight = await fetch(target, { method: 'OPTIONS', headers })
      t.equal(preflight.headers.get('access-control-allow-origin'), origin, `${method} ${path}`)
      t.ok(
        listed(preflight.headers, 'access-control-allow-methods').includes(method.toLowerCase()),
        `${method} ${path}: the method`,
      )
      const taken = ['authorization', 'content-type', 'idempotency-key', 'last-event-id']
      t.same(
        taken.filter((name) => !listed(preflight.headers, 'access-control-allow-headers').includes(name)),
        [],
        `${method} ${path}: what it sends`,
      )
      t.equal(preflight.headers.get('access-control-max-age'), '600', `${method} ${path}: in seconds`)
    }
    const declared = contractOperations
      .flatMap(({ responses }) => Object.values(responses))
      .flatMap(({ headers }) => Object.keys(headers ?? {}))
      .map((name) => name.toLowerCase())
      .filter((name) => !safelisted.includes(name))
    const answer = await fetch(`${url}/api/alice/conversations`, {
      headers: { origin, authorization: `Bearer ${tokenOf('alice')}` },
    })
    const readable = listed(answer.headers, 'access-control-expose-headers')
    t.same(
      [...new Set([...declared, 'x-request-id'])].filter((name) => !readable.includes(name)),
      [],
      'every declared header may be read',
    )
  },
)

t.test('another origin, and one that only looks like it, gets nothing', async (t) => {
  const { url } = await testApp(t, { corsOrigins: [origin] })
  const others = [
    `${origin}.evil.example`,
    'http://app.example',
    `${origin}:8443`,
    'https://evil.example',
    'null',
  ]
  for (const other of others) {
    const answer = await fetch(`${url}/health/live`, { headers: { origin: other } })
    t.notOk(answer.headers.has('access-control-allow-origin'), other)
  }
})

t.test(
  'every kind of answer says what it is, is not guessed at, and is not kept unless all get the same',
  async (t) => {
    const { url } = await testApp(t)
    const headers = { authorization: `Bearer ${tokenOf('alice')}` }
    const json = { ...headers, 'content-type': 'application/json' }
    const message = { method: 'POST', headers: json, body: '{"message":"hi"}' }
    const kinds: [what: string, path: string, init: RequestInit, type: RegExp][] = [
      ['JSON', '/api/alice/conversations', { headers }, /^application\/json; charset=utf-8$/],
      ['an answer', '/api/alice/chat', message, /^application\/json; charset=utf-8$/],
      [
        'a stream',
        '/api/alice/chat',
        { ...message, headers: { ...json, accept: 'text/event-stream' } },
        /^text\/event-stream$/,
      ],
      ['a problem of ours', '/api/alice/conversations', {}, /^application\/problem\+json\b/],
      ['an unknown path', '/nowhere', {}, /^application\/problem\+json\b/],
      ['another method', '/api/alice/chat', { method: 'DELETE', headers }, /^application\/problem\+json\b/],
      [
        'a body that cannot be read',
        '/api/alice/chat',
        { ...message, body: '{' },
        /^application\/problem\+json\b/,
      ],
      ['liveness', '/health/live', {}, /^application\/json; charset=utf-8$/],
      ['the contract as JSON', '/openapi.json', {}, /^application\/json; charset=utf-8$/],
      ['the Postman collection', '/postman.json', {}, /^application\/json; charset=utf-8$/],
      ['the contract as YAML', '/openapi.yaml', {}, /^application\/yaml; charset=utf-8$/],
    ]
    for (const [what, path, init, type] of kinds) {
      const answer = await fetch(`${url}${path}`, init)
      await answer.text()
      t.match(answer.headers.get('content-type'), type, what)
      t.equal(answer.headers.get('x-content-type-options'), 'nosniff', what)
      // The contract is the same for everybody: it may be kept, and is asked for again by its ETag.
      const keeping = path.startsWith('/openapi.') ? 'no-cache' : 'no-store'
      t.equal(answer.headers.get('cache-control'), keeping, what)
      t.match(answer.headers.get('x-request-id'), /^[\da-f-]{36}$/, what)
    }
  },
)
