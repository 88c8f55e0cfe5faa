import { closestName } from '../closest-name.js'
import { type Config, readConfig, readConfigRecorded, requireModels } from '../config.js'
import { toolKeyCommand } from '../config-tools.js'
import { ConfigError, type Environment } from '../environment.js'
import { sendsUserToken } from '../tools/mcp/server-config.js'
import type { ColloquySettings } from './options.js'

/** Variables about what the app decides: listening, connections, logging, files. */
const ofServer = [
  'NODE_ENV',
  'HOST',
  'PORT',
  'LOG_LEVEL',
  'DATA_DIR',
  'CHAT_MAX_CONNECTIONS',
  'CHAT_SHUTDOWN_DELAY_MS',
  'CHAT_PAGE',
  'CHAT_PAGE_SIGN_IN',
  'CHAT_METRICS_PORT',
  'CHAT_METRICS_HOST',
]

/** Inside an app traces are those of the app, which has set up OpenTelemetry itself. */
const isOfServer = (name: string): boolean => ofServer.includes(name) || name.startsWith('OTEL_')

const toOptionName = (variable: string): string =>
  variable
    .replace(/^CHAT_/, '')
    .toLowerCase()
    .replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())

/** The variable of each setting. */
export const settingVariables = (): Map<string, string> => {
  const names = new Set<string>()
  // With nothing set, which reads every variable but those that a file of tool servers names.
  readConfigRecorded({}, names)
  return new Map([...names].filter((name) => !isOfServer(name)).map((name) => [toOptionName(name), name]))
}

const toText = (value: unknown): string => {
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  return Array.isArray(value) ? value.join(',') : String(value)
}

/** Requires what `serve` makes by itself in development: inside an app nothing is started and no file is written. */
const requireSettings = (config: Config): void => {
  const { database, auth, toolServers, toolKeys } = config
  if (!database.url) {
    throw new ConfigError('DATABASE_URL must be set: inside an app the chat starts no PostgreSQL of its own.')
  }
  if (!auth.secret && !auth.jwksUrl) {
    throw new ConfigError('BETTER_AUTH_URL, JWKS_URL or BETTER_AUTH_SECRET must be set, to verify tokens.')
  }
  requireModels(config)
  const server = toolServers.find(sendsUserToken)
  if (server && toolKeys.length === 0) {
    throw new ConfigError(
      `CHAT_TOOLS_KEY must be set: it signs the tokens that tell the tool server ${server.name} which user is asking. Generate it with ${toolKeyCommand}.`,
    )
  }
}

const unknownSetting = (name: string, known: Iterable<string>): ConfigError => {
  const likely = closestName(name, [...known])
  return new ConfigError(`There is no option ${name}${likely ? `: did you mean ${likely}?` : '.'}`)
}

/** Refuses what only TypeScript would: `migrate: 'no'` would migrate. Throws ConfigError. */
export const checkOwnOptions = (own: Record<'env' | 'migrate' | 'documents' | 'metrics', unknown>): void => {
  for (const name of ['migrate', 'documents'] as const)
    if (typeof own[name] !== 'boolean') throw new ConfigError(`${name} must be true or false`)
  if (typeof own.env !== 'object' || own.env === null) throw new ConfigError('env must be an object')
  if (own.metrics !== undefined && typeof Object(own.metrics).registerMetric !== 'function')
    throw new ConfigError('metrics must be a registry of prom-client')
}

/** The configuration of these settings, and of the environment where they say nothing. Throws ConfigError. */
export const readSettings = (settings: ColloquySettings, env: Environment): Config => {
  const variables = settingVariables()
  const given: Environment = {}
  for (const [name, value] of Object.entries(settings)) {
    const variable = variables.get(name)
    if (variable === undefined)
      throw unknownSetting(name, [...variables.keys(), 'env', 'migrate', 'documents', 'metrics'])
    if (value !== undefined) given[variable] = toText(value)
  }
  try {
    // What NODE_ENV=production requires is required below, whatever it says.
    // The app listens, so the metrics have no listener of their own.
    const config = readConfig({ ...env, ...given, NODE_ENV: undefined, CHAT_METRICS_PORT: undefined })
    requireSettings(config)
    return config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const named = [...variables].reduce(
      (text, [name, variable]) => text.replace(new RegExp(`\\b${variable}\\b`, 'g'), `${name} (${variable})`),
      error.message,
    )
    throw new ConfigError(named)
  }
}
