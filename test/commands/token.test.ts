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
  t.equal(code, 0, 'a token is printed')
  const token = stdout.trim()
  const { exp, iat } = claimsOf(token)
  t.equal(exp - iat, 60, 'it is good for as long as was asked for')
  const asked = await call('GET', '/api/a.:@-_Z9/conversations', {
    headers: { authorization: `Bearer ${token}` },
  })
  t.equal(asked.status, 200, 'the server accepts it')
})

t.test('with published keys only, it says why it cannot', async (t) => {
  const env = { BETTER_AUTH_URL: 'http://127.0.0.1:1' }
  const { code, stdout, stderr } = await runColloquy(['token', '--user', 'alice'], { env })
  t.same([code, stdout], [1, ''], 'no token is printed')
  t.match(
    stderr,
    /^BETTER_AUTH_SECRET must be set to sign tokens here; with published keys only .*\n$/,
    'stderr names what is missing',
  )
})

t.test('the development secret: one for all, in the data folder, for nobody else to read', async (t) => {
  const DATA_DIR = join(await testFolder(t), 'new', 'data')
  const config = readConfig({ DATA_DIR })
  const opened = await Promise.all(Array.from({ length: 20 }, () => openTokenSecret(config)))
  const secrets = new Set(opened.map(({ secret }) => secret))
  t.equal(secrets.size, 1, 'of many that start at once, all have the same')
  t.match([...secrets], [/^[\w-]{43}$/], 'it is long and random')
  t.ok(
    opened.every(({ isDevelopment }) => isDevelopment),
    'all are told that it is one for development',
  )
  t.same(await readdir(DATA_DIR), ['secret'], 'no other file is left behind')

  const { code, stdout } = await runColloquy(['token', '--user', 'alice'], { env: { DATA_DIR } })
  t.equal(code, 0, 'a token is printed')
  const { call } = await testApp(t, { auth: { shared: { secret: [...secrets][0] ?? '' } } })
  const headers = { authorization: `Bearer ${stdout.trim()}` }
  t.equal(
    (await call('GET', '/api/alice/conversations', { headers })).status,
    200,
    'a server with that secret accepts it',
  )
})

t.test('a file that holds no secret is refused, not used', async (t) => {
  const DATA_DIR = join(await testFolder(t), 'data')
  await mkdir(DATA_DIR)
  await writeFile(join(DATA_DIR, 'secret'), '')
  await t.rejects(
    openTokenSecret(readConfig({ DATA_DIR })),
    { message: /secret does not contain a valid secret\. Delete it/ },
    'the message names the file and how to mend it',
  )
})

t.test('a configured way to verify tokens leaves no development secret', async (t) => {
  const DATA_DIR = join(await testFolder(t), 'data')
  const secretWith = (env: Record<string, string>) => openTokenSecret(readConfig({ DATA_DIR, ...env }))
  const configured = { secret: SECRET, isDevelopment: false }
  const DATABASE_URL = 'postgres://u@127.0.0.1/c'
  t.same(await secretWith({ BETTER_AUTH_SECRET: SECRET }), configured, 'the shared secret')
  t.same(
    await secretWith({ BETTER_AUTH_SECRET: SECRET, NODE_ENV: 'production', DATABASE_URL }),
    configured,
    'the same in production',
  )
  t.same(
    await secretWith({ BETTER_AUTH_URL: 'http://a.example' }),
    { secret: undefined, isDevelopment: false },
    'published keys, which sign nothing here',
  )
  await t.rejects(readdir(DATA_DIR), { code: 'ENOENT' }, 'no folder is made')
})
