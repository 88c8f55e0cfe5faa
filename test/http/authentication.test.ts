import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { authorize } from '../../src/http/authentication.js'
import { keySet } from '../../src/http/key-set.js'
import { guardedApp } from '../helpers/guarded-app.js'
import { refused } from '../helpers/hostile-tokens.js'
import {
  asymmetric,
  claims,
  hs256,
  issuer,
  jwk,
  keyPairs,
  SECRET,
  seconds,
  serving,
} from '../helpers/tokens.js'

const both = () => {
  const keys = keySet({ url: `${issuer}/api/auth/jwks`, log: { warn: () => {} }, fetch: serving() })
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
  t.match(await get(`Bearer ${hs256(claims({ sub: longest }))}`, longest), {
    status: 200,
    caller: { id: longest },
  })
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
      for (const secret of [...parts, SECRET, 'canary', 'PUBLIC KEY'])
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
  await t.rejects(authorize(request), { code: 'forbidden' })
})

t.test('issuer and audience of HS256 tokens are checked when they are set', async (t) => {
  const { get } = guardedApp(t, { shared: { secret: SECRET, issuer, audience: issuer } })
  t.match(await get(`Bearer ${hs256()}`), { status: 200 })
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
  t.match(await secretOnly.get(`Bearer ${hs256()}`), { status: 200 })
  t.match(await secretOnly.get(`Bearer ${asymmetric('EdDSA')}`), { status: 401 })
  t.match(await keysOnly.get(`Bearer ${asymmetric('EdDSA')}`), { status: 200 })
  t.match(await keysOnly.get(`Bearer ${hs256()}`), { status: 401 })
  for (const token of Object.values(refused.FST_JWT_AUTHORIZATION_TOKEN_INVALID ?? {}))
    t.match(await keysOnly.get(`Bearer ${token}`), { status: 401 })
  t.match(await none.get(`Bearer ${hs256()}`), { status: 401 })
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
