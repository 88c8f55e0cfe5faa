import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { authorize } from '../../src/http/authentication.js'
import { createKeySet } from '../../src/http/key-set.js'
import { guardedApp } from '../helpers/guarded-app.js'
import { refused } from '../helpers/hostile-tokens.js'
import { asymmetric, jwk, keyPairs, serving } from '../helpers/key-pairs.js'
import { claims, hs256, issuer, SECRET, seconds } from '../helpers/tokens.js'

const both = () => {
  const keys = createKeySet({ url: `${issuer}/api/auth/jwks`, log: { warn: () => {} }, fetch: serving() })
  return {
    shared: { secret: SECRET },
    published: { keys, issuer, audience: issuer },
    now: () => seconds * 1000,
  }
}

/** Tokens that alice may come with. */
const accepted: Record<string, string> = {
  'HS256, without issuer and audience': hs256(claims({ iss: undefined, aud: undefined })),
  EdDSA: asymmetric('EdDSA'),
  ES256: asymmetric('ES256'),
  RS256: asymmetric('RS256'),
  'one of several audiences is ours': asymmetric('EdDSA', claims({ aud: ['https://other.example', issuer] })),
  'expired less than 5 seconds ago': hs256(claims({ exp: seconds - 4 })),
  'issued 5 seconds ahead': hs256(claims({ iat: seconds + 5 })),
  'valid from 5 seconds ahead, in fractions': hs256(claims({ nbf: seconds + 4.9 })),
  'without iat': hs256(claims({ iat: undefined })),
  'almost 8 KiB': hs256(claims({ more: 'x'.repeat(5900) })),
  'keys in the header are ignored': asymmetric('EdDSA', claims(), {
    jwk: jwk(keyPairs.ES256.publicKey),
    jku: 'https://evil.example/jwks',
    x5u: 'https://evil.example/x5u',
  }),
}

const answerTo401 = {
  status: 401,
  type: 'urn:colloquy:problem:unauthenticated',
  title: 'Authentication required',
  detail: 'Send a valid bearer token in the Authorization header.',
  code: 'unauthenticated',
}
const invalid = { ...answerTo401, challenge: 'Bearer error="invalid_token"' }
const absent = { ...answerTo401, challenge: 'Bearer' }

t.test('a good token is let in', async (t) => {
  const { get } = guardedApp(t, both())
  for (const [name, token] of Object.entries(accepted))
    t.strictSame(
      await get(`Bearer ${token}`),
      { status: 200, challenge: undefined, code: 'ok', caller: { id: 'alice' } },
      name,
    )
  t.match(await get(`bEARER  ${hs256()}`), { status: 200 }, 'the scheme has no case')
  const longest = 'a'.repeat(128)
  t.match(
    await get(`Bearer ${hs256(claims({ sub: longest }))}`, longest),
    { status: 200, caller: { id: longest } },
    'the longest id of a user',
  )
})

t.test('a token that does not verify is 401 with the same body always; only the log says why', async (t) => {
  const { get, log } = guardedApp(t, both())
  for (const [reason, tokens] of Object.entries(refused))
    for (const [name, token] of Object.entries(tokens)) {
      log.length = 0
      t.strictSame(await get(`Bearer ${token}`), invalid, name)
      const lines = log.join('')
      t.match(lines, `"reason":"${reason}"`, `${name}: the log says why`)
      const parts = token.split('.').filter((part) => part.length > 7)
      // The log shows which key a token names, and that alone.
      const canary = reason === 'kid' ? [] : ['canary']
      for (const secret of [...parts, SECRET, ...canary, 'PUBLIC KEY'])
        t.notOk(lines.includes(secret), `${name}: the log quotes nothing of it`)
    }
})

t.test('without a bearer token the challenge names no error', async (t) => {
  const { get } = guardedApp(t, both())
  for (const header of [
    undefined,
    '',
    'Basic YWxpY2U6cGFzc3dvcmQ=',
    hs256(),
    `Bearer\t${hs256()}`,
    `BearerX ${hs256()}`,
  ])
    t.strictSame(await get(header), absent, header?.slice(0, 8) ?? 'no header')
})

t.test("another user's path is 403", async (t) => {
  const { get } = guardedApp(t, both())
  for (const id of ['bob', 'Alice', 'alice ', 'alice%', 'alice\0', '%61lice'])
    t.match(await get(`Bearer ${hs256()}`, id), { status: 403, code: 'forbidden', challenge: undefined }, id)
  t.match(
    await get(`Bearer ${hs256(claims({ exp: seconds - 60 }))}`, 'bob'),
    { status: 401 },
    'but 401 comes first',
  )
})

t.test('where nobody was authenticated nobody is authorized', async (t) => {
  const request = { caller: null, params: {} } as FastifyRequest
  const goOn = () => t.fail('the request went on')
  t.throws(
    () => Reflect.apply(authorize, undefined, [request, {}, goOn]),
    { code: 'forbidden' },
    'the request is refused',
  )
})

t.test('issuer and audience of HS256 tokens are checked when they are set', async (t) => {
  const { get } = guardedApp(t, { shared: { secret: SECRET, issuer, audience: issuer } })
  t.match(await get(`Bearer ${hs256()}`), { status: 200 }, 'ours are right')
  for (const change of [{ iss: undefined }, { iss: 'other' }, { aud: undefined }, { aud: ['other'] }])
    t.match(await get(`Bearer ${hs256(claims(change))}`), { status: 401 }, JSON.stringify(change))
})

t.test('only the ways that are configured are open', async (t) => {
  const { shared, published } = both()
  const [secretOnly, keysOnly, none] = [
    guardedApp(t, { shared }),
    guardedApp(t, { published }),
    guardedApp(t, {}),
  ]
  const [hs, eddsa] = [hs256(), asymmetric('EdDSA')]
  t.match(await secretOnly.get(`Bearer ${hs}`), { status: 200 }, 'the secret alone: HS256 is let in')
  t.match(await secretOnly.get(`Bearer ${eddsa}`), { status: 401 }, 'the secret alone: EdDSA is not')
  t.match(await keysOnly.get(`Bearer ${eddsa}`), { status: 200 }, 'the keys alone: EdDSA is let in')
  t.match(await keysOnly.get(`Bearer ${hs}`), { status: 401 }, 'the keys alone: HS256 is not')
  for (const [name, token] of Object.entries(refused.FST_JWT_AUTHORIZATION_TOKEN_INVALID ?? {}))
    t.match(await keysOnly.get(`Bearer ${token}`), { status: 401 }, `the keys alone: ${name}`)
  t.match(await none.get(`Bearer ${hs}`), { status: 401 }, 'neither: nobody is let in')
})

t.test('a changed byte anywhere in a token makes it 401', async (t) => {
  const { get } = guardedApp(t, both())
  for (const token of [hs256(), asymmetric('EdDSA'), asymmetric('ES256'), asymmetric('RS256')]) {
    const seed = createHash('sha256').update(token).digest()
    for (const byte of seed) {
      const at = Math.floor((byte / 256) * token.length)
      const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
      t.match(await get(`Bearer ${changed}`), invalid, `${at} of ${token.length}`)
    }
  }
})

t.test('the log says once what was expected and what came, in bounded and harmless values', async (t) => {
  const { get, log } = guardedApp(t, both())
  const evil = 'https://evil.example/\u001b[31m\u202e\u0085\u2028'
  const shown = 'https://evil.example/\ufffd[31m\ufffd\ufffd\ufffd'
  const at = (offset: number) => new Date((seconds + offset) * 1000).toJSON()
  const known = ['EdDSA EdDSA', 'ES256 ES256', 'RS256 RS256']
  const long = 'x'.repeat(5_000)
  const rows: [token: string, refusal: object][] = [
    [asymmetric('EdDSA', claims({ iss: evil })), { reason: 'iss', expected: issuer, received: shown }],
    [asymmetric('EdDSA', claims({ iss: undefined })), { reason: 'iss', received: '(absent)' }],
    [asymmetric('EdDSA', claims({ iss: long })), { reason: 'iss', received: `${long.slice(0, 200)}…` }],
    [
      asymmetric('EdDSA', claims({ aud: ['a', evil] })),
      { reason: 'aud', expected: issuer, received: ['a', shown] },
    ],
    [
      asymmetric('EdDSA', claims({ exp: seconds - 60 })),
      { reason: 'exp', expected: `after ${at(0)}`, received: at(-60) },
    ],
    [asymmetric('EdDSA', claims({ exp: 1e300 })), { reason: 'exp', received: '1e+300' }],
    [asymmetric('EdDSA', claims({ nbf: seconds + 60 })), { reason: 'nbf', received: at(60) }],
    [
      asymmetric('EdDSA', claims(), { kid: evil }),
      { reason: 'kid', expected: known, received: `EdDSA ${shown}` },
    ],
    [asymmetric('EdDSA', claims(), { kid: undefined }), { reason: 'kid', received: '(absent)' }],
    [
      asymmetric('EdDSA', claims(), { alg: 'PS512' }),
      { reason: 'alg', expected: ['HS256', 'EdDSA', 'ES256', 'RS256'], received: 'PS512' },
    ],
    [asymmetric('EdDSA', claims({ sub: 'mail me@home' })), { reason: 'sub', received: '(string)' }],
  ]
  for (const [token, refusal] of rows) {
    log.length = 0
    const name = JSON.stringify(refusal).slice(0, 80)
    t.match(await get(`Bearer ${token}`), { status: 401 }, `${name}: refused`)
    const lines = log.map((line) => JSON.parse(line)).filter((line) => line.refusal)
    t.match(lines, [{ refusal }], name)
    t.equal(lines.length, 1, `${name}: one line`)
  }
})

t.test('a flood of bad tokens tells its values for a while, and then its reason alone', async (t) => {
  const { get, log } = guardedApp(t, both())
  for (let n = 0; n < 200; n += 1) await get(`Bearer ${hs256(claims({ exp: seconds - 60 }))}`)
  const lines = log.map((line) => JSON.parse(line)).filter((line) => line.refusal)
  t.equal(lines.length, 200, 'every refusal is a line')
  t.equal(
    lines.filter(({ refusal }) => refusal.received !== undefined).length,
    60,
    'only those of the first while show what came',
  )
  t.ok(
    lines.every(({ refusal }) => refusal.reason === 'exp'),
    'every line gives the reason',
  )
})
