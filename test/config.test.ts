import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import {
  type Config,
  readConfig,
  requireModels,
  requireTokenVerification,
  requireToolKeys,
} from '../src/config.js'
import { ConfigError } from '../src/environment.js'
import { newToolsPem, placeholder } from './helpers/tools.js'

type Environment = Record<string, string>
/** An environment, where to look in the configuration, and what has to be there. */
type Value = [env: Environment, read: (config: Config) => unknown, value: unknown]
/** A variable, bad values of it, what the message says after its name, and the rest of the environment. */
type Refusal = [name: string, values: string[], takes: string, env?: Environment]

const app = 'https://app.example.com'
const local = 'http://localhost:3001'
const database = 'postgres://u:p%40@db:5433/c?sslmode=require'
const bytes32 = 'a'.repeat(32)
const production = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://u:p@db/c',
  BETTER_AUTH_SECRET: bytes32,
}

/** A number: its place in the configuration, its default and its bounds. */
const integers: [string, (config: Config) => number, number, number, number][] = [
  ['PORT', (c) => c.port, 3000, 0, 65_535],
  ['DATABASE_POOL_MAX', (c) => c.database.poolMax, 10, 1, 1_000],
  ['CHAT_TURN_TIMEOUT_MS', (c) => c.limits.turnTimeoutMs, 120_000, 100, 3_600_000],
  ['CHAT_BUSY_WAIT_MS', (c) => c.limits.busyWaitMs, 5_000, 0, 60_000],
  ['CHAT_LEASE_MS', (c) => c.limits.leaseMs, 15_000, 1_000, 600_000],
  ['CHAT_HISTORY_MESSAGES', (c) => c.limits.historyMessages, 40, 0, 1_000],
  ['CHAT_TOOL_STEPS', (c) => c.limits.toolSteps, 8, 1, 100],
  ['CHAT_TOOL_CALLS', (c) => c.limits.toolCalls, 32, 1, 1_000],
  ['CHAT_TOOL_TIMEOUT_MS', (c) => c.limits.toolTimeoutMs, 30_000, 100, 3_600_000],
  ['CHAT_FIRST_EVENT_TIMEOUT_MS', (c) => c.modelSettings.firstEventTimeoutMs, 60_000, 100, 3_600_000],
  ['CHAT_TOOL_RESULT_BYTES', (c) => c.toolResultBytes, 65_536, 1_024, 1_048_576],
  ['CHAT_SHUTDOWN_MS', (c) => c.shutdownMs, 20_000, 0, 600_000],
  ['CHAT_SHUTDOWN_DELAY_MS', (c) => c.shutdownDelayMs, 0, 0, 600_000],
  ['CHAT_MAX_CONNECTIONS', (c) => c.maxConnections, 4_000, 1, 100_000],
  ['CHAT_USER_RUNNING_TURNS', (c) => c.userLimits.everybody.runningTurns, 20, 1, 1_000],
  ['CHAT_USER_WAITING_MESSAGES', (c) => c.userLimits.everybody.waitingMessages, 50, 0, 1_000],
  ['CHAT_USER_TURNS_PER_MINUTE', (c) => c.userLimits.everybody.turnsPerMinute ?? 0, 0, 0, 100_000],
  ['CHAT_USER_TURNS_PER_DAY', (c) => c.userLimits.everybody.turnsPerDay ?? 0, 0, 0, 10_000_000],
  ['CHAT_USER_TOKENS_PER_DAY', (c) => c.userLimits.everybody.tokensPerDay ?? 0, 0, 0, 1_000_000_000],
  ['CHAT_MAX_RUNNING_TURNS', (c) => c.instanceLimits.runningTurns, 2_000, 1, 100_000],
  ['CHAT_MAX_WAITING_MESSAGES', (c) => c.instanceLimits.waitingMessages, 2_000, 0, 100_000],
  ['CHAT_RETENTION_DAYS', (c) => c.retention?.days ?? 0, 0, 0, 36_500],
  ['CHAT_MAX_STREAMS', (c) => c.instanceLimits.openStreams, 3_000, 1, 100_000],
]

const folder = mkdtempSync(join(tmpdir(), 'config-'))
t.teardown(() => rmSync(folder, { recursive: true }))

/** A file with this text. */
const file = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const mcpServers = {
  todo: { url: 'http://127.0.0.1:1/', headers: { 'x-key': placeholder('TODO_KEY') } },
  notes: { command: 'notes' },
}
const declared = file('good.json', JSON.stringify({ mcpServers }))
const badConfigs = ['', '{', '{"mcpServers": {"a": {"url": "k3pT-to-itself"}}}'].map((text, i) =>
  file(`${i}`, text),
)
const pem = newToolsPem()

const keys = ({ auth }: Config) => [auth.jwksUrl, auth.issuer, auth.audience]
const models = ({ model, otherModels }: Config) => [model, ...otherModels]
const chains = ({ model, otherModels, fallbacks }: Config) => [model, otherModels, fallbacks]
const windows = ({ limits }: Config) => [limits.historyTokens, limits.modelHistoryTokens]
const shared = ({ auth }: Config) => [auth.sharedIssuer, auth.sharedAudience]

const values: Value[] = [
  [{}, (c) => [c.production, c.host, c.logLevel, c.dataDir], [false, '127.0.0.1', 'info', '.colloquy']],
  [{}, (c) => [c.model, c.systemPrompt, c.corsOrigins], ['echo', undefined, []]],
  [{}, (c) => [c.database.url, c.database.prepare, c.auth.secret], [undefined, 'auto', undefined]],
  [{ HOST: '0.0.0.0' }, (c) => c.host, '0.0.0.0'],
  [{ DATA_DIR: ' /data ' }, (c) => c.dataDir, '/data'],
  [{ LOG_LEVEL: 'silent' }, (c) => c.logLevel, 'silent'],
  [{}, (c) => c.titles, 'message'],
  [{ CHAT_TITLES: 'model' }, (c) => c.titles, 'model'],
  [{ CHAT_REASONING: 'on' }, (c) => c.modelSettings.reasoning, true],
  [{}, (c) => c.prices?.currency, 'USD'],
  [{ CHAT_PRICES: 'off' }, (c) => c.prices, undefined],
  [{}, (c) => c.compact, false],
  [{ CHAT_COMPACT: 'on' }, (c) => c.compact, true],
  [{ CHAT_SYSTEM_PROMPT: 'Be kind.' }, (c) => c.systemPrompt, 'Be kind.'],
  [{ ...production, NODE_ENV: ' production' }, (c) => c.production, true],
  ...['auto', 'on', 'off'].map((p): Value => [{ DATABASE_PREPARE: p }, (c) => c.database.prepare, p]),

  [{}, models, ['echo']],
  [{}, (c) => [c.modelSettings.temperature, c.modelSettings.maxOutputTokens], [undefined, undefined]],
  [{ CHAT_TEMPERATURE: '0' }, (c) => c.modelSettings.temperature, 0],
  [{ CHAT_TEMPERATURE: '1.25' }, (c) => c.modelSettings.temperature, 1.25],
  [{ CHAT_MAX_OUTPUT_TOKENS: '1' }, (c) => c.modelSettings.maxOutputTokens, 1],
  [{ CHAT_MODEL: 'openai-compatible/org/x:8b' }, models, ['openai-compatible/org/x:8b']],
  [{ CHAT_MODELS: 'openai/a, google/b,echo,openai/a' }, models, ['echo', 'openai/a', 'google/b']],
  [{ CHAT_MODEL: 'openai/a, anthropic/b' }, chains, ['openai/a', [], { 'openai/a': ['anthropic/b'] }]],
  [{ CHAT_MODEL: 'openai/a|echo | openai/a' }, chains, ['openai/a', [], { 'openai/a': ['echo'] }]],
  [
    { CHAT_MODELS: 'google/b|openai/a, anthropic/c|google/b |echo,openai/a' },
    chains,
    [
      'echo',
      ['google/b', 'anthropic/c', 'openai/a'],
      { 'google/b': ['openai/a'], 'anthropic/c': ['google/b', 'echo'] },
    ],
  ],
  ...['openai/a', 'openai/a|anthropic/b'].flatMap((entry): Value[] => [
    // A name alone refers to the chain that begins with it.
    [
      { CHAT_MODEL: 'openai/a,anthropic/b', CHAT_MODELS: `echo,${entry}` },
      chains,
      ['openai/a', ['echo'], { 'openai/a': ['anthropic/b'] }],
    ],
    [
      { CHAT_MODEL: entry, CHAT_MODELS: 'openai/a|anthropic/b' },
      chains,
      ['openai/a', [], { 'openai/a': ['anthropic/b'] }],
    ],
  ]),
  [{ OPENAI_API_KEY: ' k1\n' }, (c) => c.credentials.openai, { apiKey: 'k1', baseUrl: undefined }],
  [{ ANTHROPIC_BASE_URL: local }, (c) => c.credentials.anthropic.baseUrl, `${local}/`],
  [{ GOOGLE_GENERATIVE_AI_API_KEY: 'k2' }, (c) => c.credentials.google.apiKey, 'k2'],
  [{ OPENAI_COMPATIBLE_API_KEY: '\tsk é~ \n' }, (c) => c.credentials['openai-compatible'].apiKey, 'sk é~'],
  [{ OPENAI_COMPATIBLE_API_KEY: 'k3' }, (c) => c.credentials['openai-compatible'].apiKey, 'k3'],

  [{}, windows, [16_000, {}]],
  [{ CHAT_HISTORY_TOKENS: '0' }, windows, [0, {}]],
  [{ CHAT_HISTORY_TOKENS: 'openai/a=10000000' }, windows, [16_000, { 'openai/a': 10_000_000 }]],
  [
    { CHAT_HISTORY_TOKENS: '3000, google/b=1,openai-compatible/c=d=2' },
    windows,
    [3_000, { 'google/b': 1, 'openai-compatible/c=d': 2 }],
  ],

  // A chain has the smallest window of its models.
  [{ CHAT_MODEL: 'openai/a,google/b' }, windows, [16_000, { 'openai/a': 16_000 }]],
  [
    { CHAT_MODEL: 'openai/a,google/b', CHAT_HISTORY_TOKENS: '9000,openai/a=50000,google/b=3000' },
    windows,
    [9_000, { 'openai/a': 3_000, 'google/b': 3_000 }],
  ],
  [
    { CHAT_MODELS: 'openai/a|google/b', CHAT_HISTORY_TOKENS: '9000,openai/a=50000' },
    windows,
    [9_000, { 'openai/a': 9_000 }],
  ],

  [{ DATABASE_URL: database }, (c) => c.database.url, database],
  [{ DATABASE_URL: 'postgresql://a:1,b:2/c' }, (c) => c.database.url, 'postgresql://a:1,b:2/c'],

  [{ BETTER_AUTH_SECRET: bytes32 }, (c) => c.auth.secret, bytes32],
  [{ BETTER_AUTH_SECRET: 'ä'.repeat(16) }, (c) => c.auth.secret, 'ä'.repeat(16)],
  [{ BETTER_AUTH_SECRET: ` ${bytes32}\n` }, (c) => c.auth.secret, ` ${bytes32}\n`],

  [{ BETTER_AUTH_URL: app }, keys, [`${app}/api/auth/jwks`, app, app]],
  [{ BETTER_AUTH_URL: `${app}/` }, keys, [`${app}/api/auth/jwks`, app, app]],
  [{ BETTER_AUTH_URL: 'HTTPS://App.Example.com:443' }, keys, [`${app}/api/auth/jwks`, app, app]],
  [{ BETTER_AUTH_URL: `${app}/my/auth//` }, keys, [`${app}/my/auth/jwks`, app, app]],
  [{ BETTER_AUTH_URL: local }, keys, [`${local}/api/auth/jwks`, local, local]],
  [{ BETTER_AUTH_URL: app }, shared, [undefined, undefined]],
  [{ BETTER_AUTH_URL: app, JWT_ISSUER: 'i', JWT_AUDIENCE: 'a' }, keys, [`${app}/api/auth/jwks`, 'i', 'a']],
  [{}, (c) => c.page, { app: undefined }],
  [{ CHAT_PAGE: 'off' }, (c) => c.page, undefined],
  [production, (c) => c.page, undefined],
  [
    { ...production, CHAT_PAGE: 'on', BETTER_AUTH_URL: `${app}/my/auth/` },
    (c) => c.page?.app,
    { tokenUrl: `${app}/my/auth/token`, signInUrl: app },
  ],
  [
    { BETTER_AUTH_URL: app, CHAT_PAGE_SIGN_IN: `${app}/sign-in` },
    (c) => c.page?.app,
    { tokenUrl: `${app}/api/auth/token`, signInUrl: `${app}/sign-in` },
  ],
  [{ JWT_ISSUER: 'i', JWT_AUDIENCE: 'a' }, shared, ['i', 'a']],
  [{ BETTER_AUTH_URL: app, JWKS_URL: 'http://keys/?a=b' }, keys, ['http://keys/?a=b', app, app]],
  [{ JWKS_URL: 'http://keys/', JWT_ISSUER: 'i', JWT_AUDIENCE: 'a' }, keys, ['http://keys/', 'i', 'a']],

  [{}, (c) => [c.toolServers, c.toolKeys], [[], []]],
  [
    { CHAT_MCP_CONFIG: declared, TODO_KEY: 'k' },
    (c) => c.toolServers.map((server) => [server.name, server.kind === 'http' && server.headers]),
    [
      ['todo', { 'x-key': 'k' }],
      ['notes', false],
    ],
  ],
  [{ CHAT_TOOLS_KEY: pem }, (c) => c.toolKeys.length, 1],
  [{ CHAT_TOOLS_KEY: `${pem}${pem}` }, (c) => c.toolKeys.length, 1],
  [{ CHAT_TOOLS_KEY: `${pem}${newToolsPem()}`.replaceAll('\n', '\\n') }, (c) => c.toolKeys.length, 2],

  [{}, (c) => c.retention, undefined],
  [
    { CHAT_RETENTION_DAYS: '30' },
    (c) => c.retention,
    { days: 30, keeps_pinned: true, keeps_archived: false },
  ],
  [
    { CHAT_RETENTION_DAYS: '1', CHAT_RETENTION_KEEPS: 'archived, pinned' },
    (c) => c.retention,
    { days: 1, keeps_pinned: true, keeps_archived: true },
  ],
  [
    { CHAT_RETENTION_DAYS: '1', CHAT_RETENTION_KEEPS: 'none' },
    (c) => c.retention,
    { days: 1, keeps_pinned: false, keeps_archived: false },
  ],
  [{ CHAT_CORS_ORIGINS: app }, (c) => c.corsOrigins, [app]],
  [{ CHAT_CORS_ORIGINS: ` ${app} , ${local}` }, (c) => c.corsOrigins, [app, local]],
  ...integers.flatMap(([name, read, fallback, min, max]): Value[] => [
    [{}, read, fallback],
    [{ [name]: String(min) }, read, min],
    [{ [name]: String(max) }, read, max],
  ]),
]

const verified = { JWT_ISSUER: 'i', JWT_AUDIENCE: 'a' }
const withMore = ['https://u@a.example', 'https://:p@a.example', 'https://a.example/#b']
const hosts = ['app.example.com', 'ftp://app.example.com', 'http:app', 'https://', ...withMore]
const noOrigins = ['*', `${app}/`, `${app}/path`, `${app},`, `${app},*`, 'a.example', 'null', `${app} ${app}`]
const noDatabases = ['db', 'mysql://u:p@db/c', 'postgres:db', 'postgres://', 'postgres://u:p#p@db/c']
const brokenDatabases = ['postgres://u:p@db:port/c', 'postgres://u:p%zz@db/c']
const noModels = [
  'gpt-5',
  'constructor',
  'openai',
  'openai/',
  'parrot/x',
  'openai/a b',
  `openai/${'x'.repeat(200)}`,
]
const noIntegers = ['1.5', '1e3', '0x10', 'many', '9'.repeat(400)]
const noWindows = [
  '-1',
  '10000001',
  '1,2',
  'openai/a',
  'openai/a=',
  'openai/a=x',
  'a=1',
  '=1',
  '1,',
  ...noIntegers,
]
const toVerify = 'set when NODE_ENV=production, to verify tokens'
const withoutAuthUrl = 'set when JWKS_URL is used without BETTER_AUTH_URL'

/** Keys that were copied with a line's end, a mask or a mark in them. */
const noKeys = [
  'sk-a\nsk-b',
  'sk-a\r\nx: y',
  'sk-…',
  'sk-“a”',
  'sk-\u200ba',
  'sk-\u0000a',
  'sk-\u007fa',
  'sk-ключ',
]

const refusals: Refusal[] = [
  ...integers.map(([name, , , min, max]): Refusal => {
    return [name, [`${min - 1}`, `${max + 1}`, ...noIntegers], `an integer from ${min} to ${max}.`]
  }),
  ['LOG_LEVEL', ['loud'], 'one of fatal, error, warn, info, debug, trace, silent.'],
  ['CHAT_TITLES', ['user', 'Model', 'on'], 'one of message, model.'],
  ['CHAT_PAGE', ['true', 'On', '1'], 'one of on, off.'],
  ['CHAT_PAGE_SIGN_IN', hosts, 'a URL that begins with http:// or https://, without a user'],
  ['BETTER_AUTH_URL', [''], 'set when CHAT_PAGE=on and NODE_ENV', { ...production, CHAT_PAGE: 'on' }],
  ['CHAT_REASONING', ['yes', 'ON', '1'], 'one of on, off.'],
  ['CHAT_COMPACT', ['true', 'On', '1'], 'one of off, on.'],
  ['DATABASE_PREPARE', ['yes', 'ON'], 'one of auto, on, off.'],
  ['CHAT_MODEL', noModels, 'echo, or openai/<model>, anthropic/<model>, google/<model>, openai-compatible/'],
  [
    'CHAT_MODELS',
    [...noModels, 'echo,', 'echo openai/x', 'echo|', 'openai/a||echo', 'openai/a|parrot'],
    'a comma-separated list of: echo, or openai/<model>',
  ],
  [
    'CHAT_MODEL',
    ['echo,', '|echo', 'openai/a,,echo', 'openai/a,parrot'],
    'echo, or openai/<model>, anthropic/',
  ],
  ['CHAT_MODELS', ['openai/a|echo,openai/a|google/b'], 'a list of chains that begin with different models'],
  ['CHAT_TEMPERATURE', ['-1', '2.01', '3', 'hot', '1e0', '.5'], 'a number from 0 to 2, such as 0.7.'],
  ['CHAT_MAX_OUTPUT_TOKENS', ['0', '1000001', ...noIntegers], 'an integer from 1 to 1000000.'],
  ['CHAT_HISTORY_TOKENS', noWindows, 'an integer from 0 to 10000000, or such integers by model: 16000,'],
  ...['OPENAI_API_KEY', 'ANTHROPIC_API_KEY', 'GOOGLE_GENERATIVE_AI_API_KEY', 'OPENAI_COMPATIBLE_API_KEY'].map(
    (name): Refusal => [name, noKeys, 'a key that fits in a header: no line break, no control character'],
  ),
  ['OPENAI_COMPATIBLE_BASE_URL', hosts, 'a URL that begins with http:// or https://, without a user'],
  ['DATABASE_URL', [''], 'set when NODE_ENV=production: the embedded', production],
  [
    'DATABASE_URL',
    ['standby', 'read-only', 'x'].map((which) => `postgres://u:p@a,b/c?target_session_attrs=${which}`),
    'the URL of a writable server: target_session_attrs may be any, read-write',
  ],
  ['DATABASE_URL', [...noDatabases, ...brokenDatabases], 'a URL such as postgres://user:password@host:5432/'],
  ['BETTER_AUTH_SECRET', ['a'.repeat(31), 'ä'.repeat(15)], 'at least 32 bytes long.'],
  ['BETTER_AUTH_URL', hosts, 'a URL that begins with http:// or https://, without a user'],
  ['JWKS_URL', hosts, 'a URL that begins with http:// or https://, without a user', verified],
  ['JWT_ISSUER', [''], withoutAuthUrl, { JWKS_URL: 'http://keys/', JWT_AUDIENCE: 'a' }],
  ['JWT_AUDIENCE', [''], withoutAuthUrl, { JWKS_URL: 'http://keys/', JWT_ISSUER: 'i' }],
  ['CHAT_MCP_CONFIG', [join(folder, 'none')], 'the path of a readable file (ENOENT)'],
  ['CHAT_MCP_CONFIG', [folder], 'the path of a readable file (EISDIR)'],
  ['CHAT_MCP_CONFIG', badConfigs.slice(0, 2), 'the path of a valid file: the document is not'],
  ['CHAT_MCP_CONFIG', badConfigs.slice(2), 'the path of a valid file: mcpServers.a.url must'],
  [
    'CHAT_MCP_CONFIG',
    [declared],
    'the path of a valid file: mcpServers.todo.headers.x-key needs TODO_KEY, which',
  ],
  [
    'CHAT_TOOLS_KEY',
    ['key', bytes32],
    'one or more Ed25519 private keys in PEM (not the path of a file), as "openssl genpkey',
  ],
  ['CHAT_CORS_ORIGINS', noOrigins, 'a comma-separated list of origins such as https://'],
]

const refusal = (env: Environment): Error | undefined => {
  try {
    requireTokenVerification(readConfig(env))
  } catch (error) {
    return error as Error
  }
}

t.test('what the environment says is what the configuration has', async (t) => {
  for (const [env, read, value] of values) t.same(read(readConfig(env)), value, JSON.stringify(env))
})

t.test('an empty variable counts as absent', async (t) => {
  const read: string[] = []
  const get = (_: object, name: string | symbol) => void read.push(String(name))
  const defaults = readConfig(new Proxy({}, { get }))
  t.ok(read.length >= 20, 'of all the variables that there are')
  for (const empty of ['', ' ']) {
    t.same(readConfig(Object.fromEntries(read.map((name) => [name, empty]))), defaults)
  }
})

t.test('a bad value is refused: the message names the variable and what it takes', async (t) => {
  for (const [name, bad, takes, env = {}] of refusals) {
    for (const value of bad) {
      const error = refusal({ ...env, [name]: value })
      t.type(error, ConfigError, `${name}=${value}`)
      t.equal(error?.message.slice(0, name.length + 9 + takes.length), `${name} must be ${takes}`)
    }
  }
  for (const env of [production, { ...production, ...verified }]) {
    const error = refusal({ ...env, BETTER_AUTH_SECRET: '' })
    t.equal(error?.message, `BETTER_AUTH_URL or BETTER_AUTH_SECRET must be ${toVerify}.`)
  }
})

t.test('a model whose provider cannot be reached is refused, where one is needed', async (t) => {
  const missing: [Environment, variable: string][] = [
    [{ CHAT_MODEL: 'openai/x' }, 'OPENAI_API_KEY'],
    [{ CHAT_MODEL: 'anthropic/x', OPENAI_API_KEY: 'k' }, 'ANTHROPIC_API_KEY'],
    [{ CHAT_MODELS: 'google/x' }, 'GOOGLE_GENERATIVE_AI_API_KEY'],
    [{ CHAT_MODEL: 'echo,openai/x' }, 'OPENAI_API_KEY'],
    [
      { CHAT_MODELS: 'echo|openai-compatible/y|anthropic/x', OPENAI_COMPATIBLE_BASE_URL: local },
      'ANTHROPIC_API_KEY',
    ],
    [{ CHAT_MODEL: 'openai-compatible/x', OPENAI_COMPATIBLE_API_KEY: 'k' }, 'OPENAI_COMPATIBLE_BASE_URL'],
  ]
  for (const [env, variable] of missing) {
    const text = new RegExp(
      `^${variable} must be set: CHAT_MODEL or CHAT_MODELS names a model of [a-z-]+\\.$`,
    )
    t.throws(() => requireModels(readConfig(env)), { constructor: ConfigError, message: text })
    t.doesNotThrow(() => requireModels(readConfig({ ...env, [variable]: local })))
  }
  t.doesNotThrow(() => requireModels(readConfig({})))
})

t.test('in production, tools whose servers are told who asks need a key', async (t) => {
  const env = { ...production, CHAT_MCP_CONFIG: declared, TODO_KEY: 'k' }
  const message =
    'CHAT_TOOLS_KEY must be set when NODE_ENV=production: it signs the tokens that tell the tool server todo which user is asking. Generate it with "openssl genpkey -algorithm ed25519".'
  t.throws(() => requireToolKeys(readConfig(env)), { constructor: ConfigError, message })
  const others = [
    { todo: { ...mcpServers.todo, headers: { Authorization: 'x' } } },
    { todo: { ...mcpServers.todo, disabled: true } },
    { notes: mcpServers.notes },
  ].map((mcpServers, i) => ({ ...env, CHAT_MCP_CONFIG: file(`other-${i}`, JSON.stringify({ mcpServers })) }))
  const { NODE_ENV: _, ...development } = env
  for (const fine of [{ ...env, CHAT_TOOLS_KEY: pem }, production, development, ...others]) {
    t.doesNotThrow(() => requireToolKeys(readConfig(fine)))
  }
})

t.test('no message shows what a variable holds', async (t) => {
  const hidden = 'k3pT-to-itself'
  for (const name of ['BETTER_AUTH_SECRET', 'PORT', ...refusals.map(([name]) => name)]) {
    for (const value of [
      hidden,
      `${hidden}\n…`,
      `${hidden}\n${hidden}`,
      `postgres://u:${hidden}@db:port/c`,
      `https://u:${hidden}@a.example/`,
    ]) {
      const error = refusal({ ...verified, [name]: value })
      t.notMatch(`${error?.stack} ${JSON.stringify({ ...error })} ${error?.cause}`, hidden, name)
    }
  }
})
