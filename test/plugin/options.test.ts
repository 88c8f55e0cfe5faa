import { readFile } from 'node:fs/promises'
import Fastify from 'fastify'
import t from 'tap'
import { type ColloquyOptions, colloquy } from '../../src/plugin/index.js'
import { readSettings, settingVariables } from '../../src/plugin/read-options.js'
import { packageRoot } from '../../src/root.js'
import { testDatabase } from '../helpers/database.js'
import { SECRET } from '../helpers/tokens.js'

const databaseUrl = 'postgres://user:password@127.0.0.1:1/none'
const needed = { databaseUrl, betterAuthSecret: SECRET }

t.test('each variable of the server but its own is a setting, and each setting is documented', async (t) => {
  const source = await readFile(new URL('src/plugin/options.ts', packageRoot), 'utf8')
  const [, settings = ''] = /interface Settings \{\n(.*?)\n\}/s.exec(source) ?? []
  const documented = [...settings.matchAll(/\/\*\* .+ \*\/\n {2}(\w+): /g)].map(([, name]) => name)
  const declared = [...settings.matchAll(/^ {2}(\w+): /gm)].map(([, name]) => name)
  t.same(documented, declared, 'each says what it is')
  t.same([...declared].sort(), [...settingVariables().keys()].sort(), 'they are the variables')
  t.equal(
    settingVariables().get('turnTimeoutMs'),
    'CHAT_TURN_TIMEOUT_MS',
    'in camel case, without the prefix',
  )
})

t.test('settings win over variables, and what is undefined is not given', async (t) => {
  const env = {
    DATABASE_URL: databaseUrl,
    BETTER_AUTH_SECRET: SECRET,
    CHAT_TITLES: 'model',
    CHAT_LEASE_MS: '2000',
  }
  const config = readSettings(
    {
      titles: 'message',
      leaseMs: undefined,
      compact: true,
      reasoning: false,
      temperature: 0.5,
      corsOrigins: ['https://a.example', 'https://b.example'],
      models: ['openai/a', 'openai/b'],
      openaiApiKey: 'key',
      historyTokens: 100,
    },
    env,
  )
  t.match(
    config,
    {
      titles: 'message',
      compact: true,
      modelSettings: { reasoning: false, temperature: 0.5 },
      corsOrigins: ['https://a.example', 'https://b.example'],
      otherModels: ['openai/a', 'openai/b'],
      limits: { leaseMs: 2_000, historyTokens: 100 },
    },
    'each as it is given',
  )
  t.equal(
    readSettings({}, { ...env, NODE_ENV: 'production' }).database.url,
    databaseUrl,
    'the environment is enough',
  )
})

const bad: [what: string, options: Record<string, unknown>, message: RegExp][] = [
  [
    'no database',
    { betterAuthSecret: SECRET },
    /^colloquy: databaseUrl \(DATABASE_URL\) must be set: inside an app/,
  ],
  [
    'no database in production',
    { env: { NODE_ENV: 'production' } },
    /^colloquy: databaseUrl \(DATABASE_URL\) must be set/,
  ],
  [
    'no login',
    { databaseUrl },
    /^colloquy: betterAuthUrl \(BETTER_AUTH_URL\), jwksUrl \(JWKS_URL\) or betterAuthSecret/,
  ],
  [
    'a short secret',
    { databaseUrl, betterAuthSecret: 'short' },
    /betterAuthSecret \(BETTER_AUTH_SECRET\) must be at least 32/,
  ],
  [
    'a model without its key',
    { ...needed, model: 'openai/gpt-5' },
    /openaiApiKey \(OPENAI_API_KEY\) must be set/,
  ],
  [
    'a number out of bounds',
    { ...needed, leaseMs: 1 },
    /^colloquy: leaseMs \(CHAT_LEASE_MS\) must be an integer from 1000/,
  ],
  ['no number', { ...needed, leaseMs: Number.NaN }, /leaseMs \(CHAT_LEASE_MS\) must be an integer/],
  [
    'an unknown option',
    { ...needed, databseUrl: 'x' },
    /^colloquy: There is no option databseUrl: did you mean databaseUrl\?/,
  ],
  ['an option of the server', { ...needed, port: 1 }, /^colloquy: There is no option port\./],
  ['no switch', { ...needed, migrate: 'no' }, /^colloquy: migrate must be true or false/],
  ['no switch either', { ...needed, documents: 0 }, /^colloquy: documents must be true or false/],
  ['no environment', { ...needed, env: 'production' }, /^colloquy: env must be an object/],
  ['a database that nobody serves', needed, /^colloquy: database unavailable: .*ECONNREFUSED/],
]

for (const [what, options, message] of bad) {
  t.test(`${what} refuses the registration, and says so`, async (t) => {
    const app = Fastify()
    app.register(colloquy, { env: {}, ...options } as ColloquyOptions)
    await t.rejects(async () => void (await app.ready()), { message }, 'the app does not start')
  })
}

t.test('it migrates a database, or refuses one that is not migrated', async (t) => {
  const { url } = await testDatabase(t, { migrated: false })
  const options = { databaseUrl: url, betterAuthSecret: SECRET, env: {} }
  const refusing = Fastify()
  refusing.register(colloquy, { ...options, migrate: false })
  await t.rejects(
    async () => void (await refusing.ready()),
    { message: /^colloquy: The database lacks .*: run "colloquy migrate"\.$/ },
    'where it is told not to',
  )
  const migrating = Fastify()
  migrating.register(colloquy, options)
  await t.resolves(async () => void (await migrating.ready()), 'it migrates as the server does')
  await migrating.close()
  const migrated = Fastify()
  migrated.register(colloquy, { ...options, migrate: false })
  await t.resolves(async () => void (await migrated.ready()), 'which is enough for the others')
  await migrated.close()
})

t.test('a path of users’ conversations that the app has itself refuses the registration', async (t) => {
  const { url } = await testDatabase(t)
  const app = Fastify()
  app.get('/api/:id/conversations', async () => [])
  app.register(colloquy, { databaseUrl: url, betterAuthSecret: SECRET, env: {} })
  await t.rejects(
    async () => void (await app.ready()),
    {
      message:
        /^colloquy: The app has a route GET \/api\/:user_id\/conversations already: register the chat with a prefix/,
    },
    'and says what to do',
  )
})
