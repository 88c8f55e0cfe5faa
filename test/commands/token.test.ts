import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { openTokenSecret } from '../../src/commands/token-secret.js'
import { readConfig } from '../../src/config.js'
import { testApp } from '../helpers/app.js'
import { testFolder } from '../helpers/cluster.js'
import { runColloquy } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'

const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

t.test('a token works on a server with the same secret, issuer and audience', async (t) => {
  const shared = { secret: SECRET, issuer: 'https://app.example', audience: 'chat' }
  const { call } = await testApp(t, { auth: { shared } })
  const env = { BETTER_AUTH_SECRET: SECRET, JWT_ISSUER: shared.issuer, JWT_AUDIENCE: shared.audience }
  const { code, stdout } = await runColloquy(['token', '--user', 'a.:@-_Z9', '--ttl', '60'], { env })
  t.equal(code, 0)
  const token = stdout.trim()
  const { exp, iat } = claimsOf(token)
  t.equal(exp - iat, 60)
  const asked = await call('GET', '/api/a.:@-_Z9/conversations', {
    headers: { authorization: `Bearer ${token}` },
  })
  t.equal(asked.status, 200)
})

t.test('with published keys only, it says why it cannot', async (t) => {
  const env = { BETTER_AUTH_URL: 'http://127.0.0.1:1' }
  const { code, stdout, stderr } = await runColloquy(['token', '--user', 'alice'], { env })
  t.same([code, stdout], [1, ''])
  t.match(stderr, /^BETTER_AUTH_SECRET must be set to sign tokens here; with published keys only .*\n$/)
})

t.test('the development secret: one for all, in the data folder, for nobody else to read', async (t) => {
  const DATA_DIR = join(await testFolder(t), 'new', 'data')
  const config = readConfig({ DATA_DIR })
  const opened = await Promise.all(Array.from({ length: 20 }, () => openTokenSecret(config)))
  const secrets = new Set(opened.map(({ secret }) => secret))
  t.equal(secrets.size, 1, 'of many that start at once, all have the same')
  t.match([...secrets], [/^[\w-]{43}$/])
  t.ok(opened.every(({ isDevelopment }) => isDevelopment))
  t.same(await readdir(DATA_DIR), ['secret'])

  const { code, stdout } = await runColloquy(['token', '--user', 'alice'], { env: { DATA_DIR } })
  t.equal(code, 0)
  const { call } = await testApp(t, { auth: { shared: { secret: [...secrets][0] ?? '' } } })
  const headers = { authorization: `Bearer ${stdout.trim()}` }
  t.equal((await call('GET', '/api/alice/conversations', { headers })).status, 200)
})

t.test('a file that holds no secret is refused, not used', async (t) => {
  const DATA_DIR = join(await testFolder(t), 'data')
  await mkdir(DATA_DIR)
  await writeFile(join(DATA_DIR, 'secret'), '')
  await t.rejects(openTokenSecret(readConfig({ DATA_DIR })), {
    message: /secret does not contain a valid secret\. Delete it/,
  })
})

t.test('a configured way to verify tokens leaves no development secret', async (t) => {
  const DATA_DIR = join(await testFolder(t), 'data')
  const secretWith = (env: Record<string, string>) => openTokenSecret(readConfig({ DATA_DIR, ...env }))
  const configured = { secret: SECRET, isDevelopment: false }
  const DATABASE_URL = 'postgres://u@127.0.0.1/c'
  t.same(await secretWith({ BETTER_AUTH_SECRET: SECRET }), configured)
  t.same(await secretWith({ BETTER_AUTH_SECRET: SECRET, NODE_ENV: 'production', DATABASE_URL }), configured)
  t.same(await secretWith({ BETTER_AUTH_URL: 'http://a.example' }), {
    secret: undefined,
    isDevelopment: false,
  })
  await t.rejects(readdir(DATA_DIR), { code: 'ENOENT' })
})
