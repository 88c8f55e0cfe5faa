import { createHmac } from 'node:crypto'
import t, { type Test } from 'tap'
import { betterAuth } from '../helpers/better-auth.js'
import { testDatabase } from '../helpers/database.js'
import { startServer } from '../helpers/server.js'
import { base64url, claims, hs256, SECRET } from '../helpers/tokens.js'

/** Serves with these settings alone, and tells what a token is answered with. */
const serving = async (t: Test, settings: Record<string, string>) => {
  const { url: DATABASE_URL } = await testDatabase(t)
  const server = await startServer(t, { env: { DATABASE_URL, NODE_ENV: 'production', ...settings } })
  return async (user: string, token?: string): Promise<number> => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    return (await fetch(`${server.url}/api/${user}/conversations`, { headers })).status
  }
}

/** What the empty secret, or none, would let pass. */
const unsigned = (payload: object): string[] => {
  const input = (alg: string) => `${base64url({ alg })}.${base64url(payload)}`
  const byNothing = createHmac('sha256', '').update(input('HS256')).digest('base64url')
  return [`${input('none')}.`, `${input('HS256')}.`, `${input('HS256')}.${byNothing}`]
}

t.test('with BETTER_AUTH_URL alone, the tokens of that app pass and no others', async (t) => {
  const [app, another] = await Promise.all([betterAuth(t), betterAuth(t)])
  const [ann, eve] = await Promise.all([app.signUp(), another.signUp()])
  const statusOf = await serving(t, { BETTER_AUTH_URL: app.url })
  t.equal(await statusOf(ann.id, ann.token), 200, 'of the app')
  t.equal(await statusOf(eve.id, ann.token), 403, 'of the app, for another user')
  t.equal(await statusOf(ann.id), 401, 'none')
  t.equal(await statusOf(eve.id, eve.token), 401, 'of another app')
  const mine = claims({ sub: ann.id, iss: app.url, aud: app.url })
  for (const [i, token] of [hs256(mine), ...unsigned(mine)].entries()) {
    t.equal(await statusOf(ann.id, token), 401, `not signed by the app, in way ${i + 1}`)
  }
})

t.test('with BETTER_AUTH_SECRET, JWT_ISSUER and JWT_AUDIENCE, all three are looked at', async (t) => {
  const settings = { BETTER_AUTH_SECRET: SECRET, JWT_ISSUER: 'https://login.example', JWT_AUDIENCE: 'chat' }
  const statusOf = await serving(t, settings)
  const mine = { sub: 'alice', iss: 'https://login.example', aud: 'chat' }
  const tokens: [payload: object, secret: string, status: number, what: string][] = [
    [mine, SECRET, 200, 'as they are set'],
    [mine, `${SECRET}.`, 401, 'another secret'],
    [{ ...mine, iss: 'https://other.example' }, SECRET, 401, 'another issuer'],
    [{ ...mine, aud: 'shop' }, SECRET, 401, 'another audience'],
    [{ ...mine, iss: undefined }, SECRET, 401, 'no issuer'],
    [{ ...mine, aud: undefined }, SECRET, 401, 'no audience'],
  ]
  for (const [payload, secret, status, what] of tokens) {
    t.equal(await statusOf('alice', hs256(claims({ ...payload }), {}, secret)), status, what)
  }
  for (const token of unsigned(claims(mine))) t.equal(await statusOf('alice', token), 401, token)
})

t.test('JWKS_URL, JWT_ISSUER and JWT_AUDIENCE stand for BETTER_AUTH_URL', async (t) => {
  const app = await betterAuth(t)
  const ann = await app.signUp()
  const statusWith = async (settings: Record<string, string>) => {
    const statusOf = await serving(t, {
      JWKS_URL: app.jwksUrl,
      JWT_ISSUER: app.url,
      JWT_AUDIENCE: app.url,
      ...settings,
    })
    return statusOf(ann.id, ann.token)
  }
  t.equal(await statusWith({}), 200, 'the token of a Better Auth server is accepted')
  t.equal(await statusWith({ JWT_AUDIENCE: 'https://other.example' }), 401, 'another audience')
})
