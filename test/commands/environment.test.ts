import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { withEnvironmentFile } from '../../src/environment-file.js'
import { misspeltVariables } from '../../src/misspelt-variables.js'
import { migratedFolder } from '../helpers/cluster.js'
import { mutant } from '../helpers/mutant.js'
import { runColloquy, startServer } from '../helpers/server.js'

const secret = 's'.repeat(32)

/** A folder with this `.env`. */
const folderWith = async (t: Test, file: string): Promise<string> => {
  const folder = t.testdir({})
  await writeFile(join(folder, '.env'), file)
  return folder
}

t.test('.env is read beside the environment, which wins', async (t) => {
  const folder = await folderWith(t, 'PORT=1\nHOST="h" # a comment\nLOG_LEVEL=debug\n')
  t.same(
    withEnvironmentFile({ PORT: '2', LOG_LEVEL: '' }, folder),
    { env: { PORT: '2', HOST: 'h', LOG_LEVEL: '' }, fromFile: ['HOST'] },
    'what is set wins, even when it is empty',
  )
  const production = { NODE_ENV: ' production ', PORT: '2' }
  t.same(
    withEnvironmentFile(production, folder),
    { env: production, fromFile: [] },
    'with NODE_ENV=production the file is not read',
  )
  t.same(withEnvironmentFile({}, join(folder, 'none')).fromFile, [], 'no file is fine')
})

t.test('.env cannot turn production on, and a folder of that name is none', async (t) => {
  const folder = await folderWith(t, 'NODE_ENV=production\nPORT=1\n')
  t.throws(() => withEnvironmentFile({}, folder), /sets NODE_ENV=production, but/, 'it says so')
  t.match(
    withEnvironmentFile({ NODE_ENV: 'test' }, folder).env,
    { NODE_ENV: 'test', PORT: '1' },
    'unless it has no effect',
  )
  const python = t.testdir({})
  await mkdir(join(python, '.env'))
  t.same(
    withEnvironmentFile({ A: '1' }, python),
    { env: { A: '1' }, fromFile: [] },
    "a Python environment's folder",
  )
})

t.test('the program reads the .env of its folder, and says what it took from there', async (t) => {
  const cwd = await mutant(t, [])
  await writeFile(
    join(cwd, '.env'),
    `BETTER_AUTH_SECRET=${secret}\nUNRELATED=1\nCHAT_MODLE=echo\nCOLLOQUY_TOKEN=t\n`,
  )
  const { code, stdout, stderr } = await runColloquy(['token', '--user', 'alice'], { cwd })
  t.match([code, stdout], [0, /^eyJ/], 'it signs with the secret of the file')
  t.match(stderr, /^Read from \.env: BETTER_AUTH_SECRET$/m, 'names, without values, and only its own')
  t.match(
    stderr,
    /^Warning: CHAT_MODLE has no effect: did you mean CHAT_MODEL\?$/m,
    'misspelt ones are named',
  )
  t.notMatch(stderr, secret, 'no value is shown')
  const keys = { BETTER_AUTH_SECRET: '', JWKS_URL: 'http://127.0.0.1:1', JWT_ISSUER: 'x', JWT_AUDIENCE: 'x' }
  const exported = await runColloquy(['export', '--user', 'alice', '--url', 'http://127.0.0.1:1'], {
    cwd,
    env: keys,
  })
  t.match(exported.stderr, /^Read from \.env: COLLOQUY_TOKEN$/m, 'a token that a command needs, too')
  t.match(exported.stderr, 'cannot be reached', 'which it uses')
  const production = await runColloquy(['token', '--user', 'alice'], {
    cwd,
    env: { NODE_ENV: 'production', DATABASE_URL: 'postgres://u@h/d' },
  })
  t.match([production.code, production.stderr], [1, /^BETTER_AUTH_SECRET must be set/], 'not in production')
})

t.test('without a command it serves, where --port and --host say', async (t) => {
  const DATA_DIR = await migratedFolder(t)
  const { url } = await startServer(t, {
    args: ['--port', '0', '--host', '127.0.0.1'],
    env: { DATA_DIR, PORT: '1', HOST: 'x' },
  })
  t.equal((await fetch(`${url}/health/ready`)).status, 200, 'the options win over the variables')
})

const known = new Set([
  'CHAT_MODEL',
  'CHAT_MODELS',
  'CHAT_LEASE_MS',
  'CHAT_CORS_ORIGINS',
  'DATABASE_URL',
  'PORT',
  'OPENAI_API_KEY',
])
const warned: [name: string, likely: string | undefined][] = [
  ['CHAT_MODLE', 'CHAT_MODEL'],
  ['CHAT_MODELL', 'CHAT_MODEL'],
  ['chat_model', 'CHAT_MODEL'],
  ['CHAT_LEASE', 'CHAT_LEASE_MS'],
  ['CHAT_CORS_ORIGIN', 'CHAT_CORS_ORIGINS'],
  ['CAHT_MODEL', 'CHAT_MODEL'],
  ['DATABSE_URL', 'DATABASE_URL'],
  ['OPENAI_APIKEY', 'OPENAI_API_KEY'],
  ['CHAT_COLOUR', undefined],
]
t.test('a variable that looks misspelt is named, with its likely spelling', async (t) => {
  for (const [name, likely] of warned) {
    const [warning, ...more] = misspeltVariables({ [name]: 'x' }, known)
    const wanted = likely
      ? `${name} has no effect: did you mean ${likely}?`
      : `${name} has no effect: Colloquy has no such variable.`
    t.same([warning, more], [wanted, []], name)
  }
})

t.test('what other programs use is no alarm', async (t) => {
  const names = [
    'CHAT_PORT',
    'CHAT_SERVICE_HOST',
    'CHAT_PORT_3000_TCP_ADDR',
    'POST',
    'DATABASE_HOST',
    'OPENAI_ORG_ID',
    'CHAT',
  ]
  for (const name of names) t.same(misspeltVariables({ [name]: 'x' }, known), [], name)
  t.same(
    misspeltVariables({ DATABASE_URI: 'x', DATABASE_URL: 'y' }, known),
    [],
    'a name beside the right one',
  )
  t.same(misspeltVariables({ CHAT_MODLE: ' ' }, known), [], 'an empty variable counts as absent')
})

t.test('a refused configuration still names what is misspelt, and a right one nothing', async (t) => {
  const env = { CHAT_TURN_TIMEOUT: '1', PORT: 'bad' }
  const { code, stderr } = await runColloquy(['serve'], { env })
  t.equal(code, 1, 'it is refused')
  t.match(stderr, /^Warning: CHAT_TURN_TIMEOUT .* CHAT_TURN_TIMEOUT_MS\?\nPORT must be /, 'both are said')
  const right = await runColloquy(['token', '--user', 'alice'], {
    env: { CHAT_MODEL: 'echo', BETTER_AUTH_SECRET: secret },
  })
  t.equal(right.stderr, '', 'no warning')
})
