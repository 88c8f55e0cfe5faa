import t, { type Test } from 'tap'
import { createKeySet } from '../../src/http/key-set.js'
import { type BetterAuth, betterAuth } from '../helpers/better-auth.js'
import { guardedApp } from '../helpers/guarded-app.js'

interface Expected {
  issuer?: string
  audience?: string
}

/** An app that trusts the server; the function asks for a user's path with the user's token. */
const trusting = (
  t: Test,
  server: BetterAuth,
  { issuer = server.url, audience = server.url }: Expected = {},
) => {
  const keys = createKeySet({ url: server.jwksUrl, log: { warn: () => {} }, cooldownMs: 0 })
  const { get } = guardedApp(t, { published: { keys, issuer, audience } })
  return ({ id, token }: { id: string; token: string }) => get(`Bearer ${token}`, id)
}

const refused = { status: 401, code: 'unauthenticated', challenge: 'Bearer error="invalid_token"' }
const unavailable = { status: 503, code: 'keys-unavailable', challenge: undefined }

for (const alg of ['EdDSA', 'ES256', 'RS256'] as const)
  t.test(`a user of a Better Auth server that signs with ${alg} is let in as themselves`, async (t) => {
    const server = await betterAuth(t, { alg })
    const get = trusting(t, server)
    const ann = await server.signUp()
    const bob = await server.signUp()
    const [header = ''] = ann.token.split('.')
    t.match(
      JSON.parse(Buffer.from(header, 'base64url').toString()),
      { alg, kid: String },
      'the token is signed with this algorithm and names its key',
    )
    t.match(await get(ann), { status: 200, caller: { id: ann.id } }, 'one user is let in')
    t.match(await get(bob), { status: 200, caller: { id: bob.id } }, 'and so is another')
    t.match(
      await get({ id: bob.id, token: ann.token }),
      { status: 403, code: 'forbidden' },
      "a user may not use another user's path",
    )
    t.equal(server.fetches(), 1, 'the keys are fetched once')
  })

t.test('a new key is found at once, and tokens of the old one work while it is published', async (t) => {
  const server = await betterAuth(t)
  const get = trusting(t, server)
  const before = await server.signUp()
  t.match(await get(before), { status: 200 }, 'the first key works')
  server.rotate()
  const after = await server.signUp()
  t.match(await get(after), { status: 200, caller: { id: after.id } }, 'the new key works')
  t.match(await get(before), { status: 200, caller: { id: before.id } }, 'and the old one still does')
  t.equal(server.fetches(), 2, 'only the new key caused another fetch')
  server.rotate('dropped')
  t.match(await get(await server.signUp()), { status: 200 }, 'a third key works')
  t.match(await get(before), refused, 'a key that is gone verifies nothing more')
})

t.test('a token of the same keys for another app is refused', async (t) => {
  const server = await betterAuth(t)
  const user = await server.signUp()
  t.match(
    await trusting(t, server, { audience: 'https://other.example' })(user),
    refused,
    'for another audience',
  )
  t.match(
    await trusting(t, server, { issuer: 'https://other.example' })(user),
    refused,
    'from another issuer',
  )
})

t.test('a token of another Better Auth server is refused', async (t) => {
  const [server, other] = await Promise.all([betterAuth(t), betterAuth(t)])
  const user = await other.signUp()
  t.match(
    await trusting(t, server, { issuer: other.url, audience: other.url })(user),
    refused,
    'its key is not ours, whatever it claims',
  )
})

t.test('while the keys cannot be fetched, a known key goes on and others are 503, never 401', async (t) => {
  const server = await betterAuth(t)
  const get = trusting(t, server)
  const known = await server.signUp()
  t.match(await get(known), { status: 200 }, 'the key works while the server is there')
  server.rotate()
  const rotated = await server.signUp()
  await server.close()
  t.match(await get(rotated), unavailable, 'a key that was never fetched cannot be judged')
  t.match(await get(known), { status: 200, caller: { id: known.id } }, 'the known key still works')
  t.match(await trusting(t, server)(known), unavailable, 'an instance that starts meanwhile has no keys')
})
