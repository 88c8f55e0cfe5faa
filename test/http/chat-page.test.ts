import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { type TestApp, testApp } from '../helpers/app.js'
import { builtPage } from '../helpers/built-page.js'

/** The paths that a page names. */
const pathsIn = (html: string): string[] =>
  [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path)

/** The session as it is given to somebody who came by this name. */
const sessionAt = async ({ url }: TestApp, host: string) => {
  const sent = request(`${url}/page/session.json`, { headers: { host } }).end()
  const response = await new Promise<Parameters<typeof text>[0]>((resolve, reject) =>
    sent.on('response', resolve).on('error', reject),
  )
  return JSON.parse(await text(response)) as { users: { id: string; token: string }[] }
}

t.test('in development: the page, its files, and users of this machine', async (t) => {
  const app = await testApp(t, { page: await builtPage() })
  const { url } = app
  const response = await fetch(`${url}/`)
  const html = await response.text()
  const policy = response.headers.get('content-security-policy') ?? ''
  t.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/, 'its policy names itself alone')
  t.match(
    policy,
    /connect-src 'self';.*frame-ancestors 'none';.*require-trusted-types-for 'script'/,
    'to the end',
  )
  t.notMatch(policy, /unsafe|data:|https?:/, 'with no exception')
  t.notMatch(html, /<style|style=|<script(?![^>]* src=)| on\w+=/, 'nothing is inline in it')
  t.equal(response.headers.get('cache-control'), 'no-cache', 'a browser asks for it again')

  const paths = pathsIn(html)
  t.equal(paths.length, 3, 'it names a script, a style and an icon')
  for (const path of paths) {
    const file = await fetch(`${url}/${path}`)
    t.match([path, file.status, file.headers.get('content-encoding')], [/^page\//, 200, 'gzip'], path)
    const cached = path.endsWith('.svg') ? 'no-cache' : 'public, max-age=31536000, immutable'
    t.equal(file.headers.get('cache-control'), cached, `${path} is cached as its name allows`)
    const headers = { 'if-none-match': file.headers.get('etag') ?? '' }
    t.equal((await fetch(`${url}/${path}`, { headers })).status, 304, `${path} is not sent again`)
  }
  const plain = await fetch(`${url}/`, { headers: { 'accept-encoding': 'identity' } })
  t.equal(plain.headers.get('content-encoding'), null, 'who takes no compression gets none')
  t.equal(await plain.text(), html, 'but the same')
  t.equal((await fetch(`${url}/`, { method: 'POST' })).status, 405, 'nothing is posted to it')
  t.equal((await fetch(`${url}/page/none.js`)).status, 404, 'it has no other files')

  const { users } = await sessionAt(app, new URL(url).host)
  t.same(
    users.map(({ id }) => id),
    ['demo', 'guest'],
    'two users are signed in',
  )
  for (const { id, token } of users) {
    const headers = { authorization: `Bearer ${token}` }
    const { status } = await fetch(`${url}/api/${id}/conversations`, { headers })
    t.equal(status, 200, `${id} may call`)
  }
  for (const host of ['evil.example', 'localhost.evil.example', '10.0.0.1:3000'])
    t.same(await sessionAt(app, host), { kind: 'demo', users: [] }, `no token for who came by ${host}`)
})

t.test('in production: off, or with the app’s tokens', async (t) => {
  const off = await testApp(t)
  for (const path of ['/', '/page/session.json']) t.equal((await off.call('GET', path)).status, 404, path)

  const signIn = {
    kind: 'app' as const,
    tokenUrl: 'https://app.example.com/api/auth/token',
    signInUrl: 'https://app.example.com/sign-in',
  }
  const { url } = await testApp(t, { page: { ...(await builtPage()), signIn } })
  const session = await fetch(`${url}/page/session.json`)
  t.same(
    await session.json(),
    { kind: 'app', token_url: signIn.tokenUrl, sign_in_url: signIn.signInUrl },
    'no user is signed in by the server',
  )
  t.match(
    session.headers.get('content-security-policy'),
    /connect-src 'self' https:\/\/app\.example\.com;/,
    'the page may ask the app, too',
  )
})
