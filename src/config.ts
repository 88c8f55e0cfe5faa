import { readAssistants } from './config-assistants.js'
import { readLimits } from './config-limits.js'
import { type MetricsConfig, readMetrics } from './config-metrics.js'
import { readHistoryTokens, readModels } from './config-models.js'
import { betterAuthEndpoint, type PageConfig, readPage } from './config-page.js'
import { readPrices } from './config-prices.js'
import { readRetention } from './config-retention.js'
import { readTools, toolKeyCommand } from './config-tools.js'
import { readTracing } from './config-tracing.js'
import { ConfigError, type Environment, environmentReader } from './environment.js'
import { type ModelSettings, missingVariable } from './models/open-model.js'
import type { Prices } from './models/prices.js'
import type { CredentialsByProvider } from './models/providers.js'
import { sendsUserToken, type ToolServer } from './tools/mcp/server-config.js'
import type { SigningKey } from './tools/signing-keys.js'
import type { TracingConfig } from './tracing/open-tracing.js'
import type { Assistant } from './turns/assistants.js'
import type { InstanceLimits, TotalBudget } from './turns/limits.js'
import type { RetentionRule } from './turns/retention-rule.js'
import type { TitleMaker, TurnLimits } from './turns/types.js'
import { haveBudgets, type LimitRules } from './turns/user-rules.js'

export interface Config {
  production: boolean
  host: string
  port: number
  logLevel: string
  database: {
    /** undefined: the embedded PostgreSQL in dataDir */
    url: string | undefined
    /** of a physical standby of it; undefined: everything is read there */
    readUrl: string | undefined
    poolMax: number
    prepare: 'auto' | 'on' | 'off'
  }
  dataDir: string
  auth: {
    secret: string | undefined
    jwksUrl: string | undefined
    /** checked in JWKS tokens */
    issuer: string | undefined
    audience: string | undefined
    /** also checked in HS256 tokens: only if set explicitly */
    sharedIssuer: string | undefined
    sharedAudience: string | undefined
  }
  corsOrigins: string[]
  model: string
  /** the models that a request may choose besides it */
  otherModels: string[]
  /** by the name of such a model: those that answer in its place when it cannot, in order */
  fallbacks: Readonly<Record<string, readonly string[]>>
  credentials: CredentialsByProvider
  modelSettings: ModelSettings
  /** what the models cost; undefined: nothing is known of it */
  prices: Prices | undefined
  systemPrompt: string | undefined
  assistants: Assistant[]
  /** the claims of a token that the assistants' prompts have */
  promptClaims: string[]
  toolServers: ToolServer[]
  /** the fields of CHAT_MCP_CONFIG that have no effect */
  toolWarnings: string[]
  /** the keys of CHAT_TOOLS_KEY; the first one signs */
  toolKeys: SigningKey[]
  toolResultBytes: number
  titles: TitleMaker
  /** whether what has fallen out of the history window is summed up */
  compact: boolean
  limits: TurnLimits
  userLimits: LimitRules
  /** the claim of a token that names its user's plan */
  planClaim: string | undefined
  /** what all users together may spend; undefined: as much as they like */
  totalBudget: TotalBudget | undefined
  instanceLimits: InstanceLimits
  /** how long conversations are kept; undefined: for ever */
  retention: RetentionRule | undefined
  /** the chat page; undefined: off */
  page: PageConfig | undefined
  /** who may read the metrics; undefined: nobody, and they are off */
  metrics: MetricsConfig | undefined
  tracing: TracingConfig
  shutdownMs: number
  /** how long the server goes on, not ready, before it shuts down */
  shutdownDelayMs: number
  maxConnections: number
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/** The only place that reads environment variables. Throws ConfigError. */
export const readConfig = (env: Environment): Config => {
  const read = environmentReader(env)
  const { text, fail, oneOf, integer, list, webUrl, databaseUrl: readDatabaseUrl } = read
  const production = text('NODE_ENV') === 'production'

  // Untrimmed: the app signs with exactly these bytes.
  const secret = text('BETTER_AUTH_SECRET') && env.BETTER_AUTH_SECRET
  if (secret !== undefined && Buffer.byteLength(secret) < 32)
    fail('BETTER_AUTH_SECRET', 'at least 32 bytes long')
  const authUrl = webUrl('BETTER_AUTH_URL')
  const sharedIssuer = text('JWT_ISSUER')
  const sharedAudience = text('JWT_AUDIENCE')
  const jwksUrl = webUrl('JWKS_URL')?.href ?? (authUrl && betterAuthEndpoint(authUrl, 'jwks'))
  // Better Auth's tokens have its origin, without the path, as issuer and audience.
  const issuer = sharedIssuer ?? authUrl?.origin
  const audience = sharedAudience ?? authUrl?.origin
  if (jwksUrl && !issuer) fail('JWT_ISSUER', 'set when JWKS_URL is used without BETTER_AUTH_URL')
  if (jwksUrl && !audience) fail('JWT_AUDIENCE', 'set when JWKS_URL is used without BETTER_AUTH_URL')

  const databaseUrl = readDatabaseUrl('DATABASE_URL')
  if (production && !databaseUrl) {
    fail('DATABASE_URL', 'set when NODE_ENV=production: the embedded PostgreSQL is for development')
  }

  const databaseReadUrl = readDatabaseUrl('DATABASE_READ_URL', 'replica')
  if (databaseReadUrl && !databaseUrl) fail('DATABASE_URL', 'set, too, when DATABASE_READ_URL is')

  const models = readModels(read)
  const tools = readTools(read)
  const prices = readPrices(read)
  const limits = readLimits(read)
  requirePrices(models, { prices, ...limits })
  const corsOrigins = list('CHAT_CORS_ORIGINS')
  for (const origin of corsOrigins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      fail(
        'CHAT_CORS_ORIGINS',
        'a comma-separated list of origins such as https://app.example.com, without a path',
      )
    }
  }

  return {
    production,
    host: text('HOST') ?? '127.0.0.1',
    port: integer('PORT', 3000, 0, 65_535),
    logLevel: oneOf('LOG_LEVEL', logLevels, 'info'),
    database: {
      url: databaseUrl,
      readUrl: databaseReadUrl,
      poolMax: integer('DATABASE_POOL_MAX', 10, 1, 1_000),
      prepare: oneOf('DATABASE_PREPARE', ['auto', 'on', 'off'], 'auto'),
    },
    dataDir: text('DATA_DIR') ?? '.colloquy',
    auth: { secret, jwksUrl, issuer, audience, sharedIssuer, sharedAudience },
    corsOrigins,
    ...models,
    prices,
    systemPrompt: text('CHAT_SYSTEM_PROMPT'),
    ...tools,
    ...readAssistants(read, {
      models: [models.model, ...models.otherModels],
      servers: tools.toolServers.map(({ name }) => name),
    }),
    titles: oneOf('CHAT_TITLES', ['message', 'model'], 'message'),
    compact: oneOf('CHAT_COMPACT', ['off', 'on'], 'off') === 'on',
    limits: {
      turnTimeoutMs: integer('CHAT_TURN_TIMEOUT_MS', 120_000, 100, 3_600_000),
      busyWaitMs: integer('CHAT_BUSY_WAIT_MS', 5_000, 0, 60_000),
      leaseMs: integer('CHAT_LEASE_MS', 15_000, 1_000, 600_000),
      historyMessages: integer('CHAT_HISTORY_MESSAGES', 40, 0, 1_000),
      ...readHistoryTokens(read, models.fallbacks),
      toolSteps: integer('CHAT_TOOL_STEPS', 8, 1, 100),
      toolCalls: integer('CHAT_TOOL_CALLS', 32, 1, 1_000),
      toolTimeoutMs: integer('CHAT_TOOL_TIMEOUT_MS', 30_000, 100, 3_600_000),
    },
    ...limits,
    retention: readRetention(read),
    page: readPage(read, { production, authUrl }),
    metrics: readMetrics(read),
    tracing: readTracing(read),
    shutdownMs: integer('CHAT_SHUTDOWN_MS', 20_000, 0, 600_000),
    shutdownDelayMs: integer('CHAT_SHUTDOWN_DELAY_MS', 0, 0, 600_000),
    maxConnections: integer('CHAT_MAX_CONNECTIONS', 4_000, 1, 100_000),
  }
}

/** Reads the configuration as readConfig does, and adds the name of each variable that it reads to `names`. */
export const readConfigRecorded = (env: Environment, names: Set<string>): Config =>
  readConfig(
    new Proxy(env, {
      get: (target, name: string) => {
        names.add(name)
        return target[name]
      },
    }),
  )

/** Requires what verifying tokens needs. Throws ConfigError. */
export const requireTokenVerification = ({ production, auth }: Config): void => {
  if (production && !auth.secret && !auth.jwksUrl) {
    throw new ConfigError(
      'BETTER_AUTH_URL or BETTER_AUTH_SECRET must be set when NODE_ENV=production, to verify tokens.',
    )
  }
}

/** Requires the prices of all models where anybody has a budget: without them nobody knows what a turn may cost. Throws ConfigError. */
const requirePrices = (
  { model, otherModels, fallbacks }: Pick<Config, 'model' | 'otherModels' | 'fallbacks'>,
  { prices, userLimits, totalBudget }: Pick<Config, 'prices' | 'userLimits' | 'totalBudget'>,
): void => {
  if (!haveBudgets(userLimits) && !totalBudget) return
  const names = [model, ...otherModels, ...Object.values(fallbacks).flat()]
  const unknown = names.find((name) => name !== 'echo' && !prices?.of(name))
  if (unknown !== undefined)
    throw new ConfigError(
      `CHAT_PRICES must be a file that has the price of ${unknown}, since there are budgets.`,
    )
}

/** Requires the models' API keys. Throws ConfigError. */
export const requireModels = ({ model, otherModels, fallbacks, credentials }: Config): void => {
  for (const name of [model, ...otherModels, ...Object.values(fallbacks).flat()]) {
    const missing = missingVariable(name, credentials)
    if (missing) {
      const provider = name.slice(0, name.indexOf('/'))
      throw new ConfigError(`${missing} must be set: CHAT_MODEL or CHAT_MODELS names a model of ${provider}.`)
    }
  }
}

/** Requires the key that signs tokens for tool servers. Throws ConfigError. */
export const requireToolKeys = ({ production, toolServers, toolKeys }: Config): void => {
  const server = toolServers.find(sendsUserToken)
  if (production && server && toolKeys.length === 0) {
    throw new ConfigError(
      `CHAT_TOOLS_KEY must be set when NODE_ENV=production: it signs the tokens that tell the tool server ${server.name} which user is asking. Generate it with ${toolKeyCommand}.`,
    )
  }
}
