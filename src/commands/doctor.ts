import { singleFlight } from '../concurrency/single-flight.js'
import { type Config, requireTokenVerification } from '../config.js'
import { connect } from '../db/connect.js'
import { parseConnectionUrl } from '../db/connection-target.js'
import type { Database } from '../db/database.js'
import { ConfigError } from '../environment.js'
import { toLogTexts } from '../http/log-text.js'
import { fetchPublicKeys } from '../http/public-keys.js'
import type { Model } from '../models/model.js'
import { haveBudgets } from '../turns/user-rules.js'
import { beforeSignalExit, isExiting } from './before-signal-exit.js'
import { budgetFault, describeBudgets, mostReserved, readSpending } from './budgets.js'
import { demoUsers } from './chat-page.js'
import {
  checkMigrations,
  checkReplica,
  checkRole,
  checkRowSecurity,
  checkSchema,
  checkServerSettings,
  checkSharding,
  checkVersion,
} from './doctor-database.js'
import {
  type Check,
  type CheckResult,
  isHealthy,
  resultLine,
  runChecks,
  summaryLine,
  toJson,
} from './doctor-report.js'
import { checkTools } from './doctor-tools.js'
import { errorMessage } from './error-message.js'
import { createProgress } from './progress.js'
import { openModels, openOrJoinDatabase } from './runtime.js'
import { openTokenSecret } from './token-secret.js'

const checkKeys = async (config: Config): Promise<string> => {
  requireTokenVerification(config)
  const { secret, isDevelopment } = await openTokenSecret(config)
  const { jwksUrl, issuer, audience, sharedIssuer, sharedAudience } = config.auth
  const claims = (iss = 'any', aud = 'any') => `iss ${iss}, aud ${aud}`
  const shared = isDevelopment ? `the development secret in ${config.dataDir}` : 'BETTER_AUTH_SECRET'
  const issuers = secret ? [`HS256 with ${shared} (${claims(sharedIssuer, sharedAudience)})`] : []
  if (jwksUrl) {
    const keys = await fetchPublicKeys(jwksUrl, fetch).catch((error: unknown) => {
      throw new Error(`${jwksUrl}: ${errorMessage(error)}`)
    })
    const ids = [toLogTexts([...keys.keys()])].flat().join(', ')
    issuers.push(`${keys.size} published at ${jwksUrl} (${claims(issuer, audience)}): ${ids}`)
  }
  return `accepts tokens with sub and exp, signed by ${issuers.join('; or ')}`
}

const checkOrigins = async ({ corsOrigins }: Config): Promise<string> =>
  corsOrigins.length > 0
    ? `pages of ${corsOrigins.join(', ')} are allowed`
    : 'no pages of other origins are allowed (CHAT_CORS_ORIGINS is not set)'

const checkPage = async (config: Config): Promise<string> => {
  const { page, production } = config
  if (!page) return `off${production ? ' (CHAT_PAGE=on serves it)' : ''}`
  const { isDevelopment } = await openTokenSecret(config)
  if (isDevelopment) return `at /, for the users ${demoUsers.join(' and ')} in a browser on this machine`
  if (!page.app) return 'off, since it needs BETTER_AUTH_URL'
  const { tokenUrl, signInUrl } = page.app
  return `at /, with tokens of ${tokenUrl}; who is signed out is sent to ${signInUrl}`
}

/** A model, and those that answer in its place. */
const describeChain = ({ name, chain = [name] }: Model): string => chain.join(', else ')

const checkModels = async (config: Config): Promise<string> => {
  const { model, otherModels } = await openModels(config, { warn() {} })
  const others = otherModels.map(describeChain).join(', ')
  const names = others ? `${describeChain(model)}; on request ${others}` : describeChain(model)
  const isEchoOnly = [model, ...otherModels].every(({ name, chain }) => name === 'echo' && !chain)
  return isEchoOnly ? names : `${names} (configured; not asked)`
}

const checkBudgets = async (config: Config, db: Database): Promise<string> => {
  // What is wrong with the models is said by their own check.
  const models = await openModels(config, { warn() {} }).catch(() => undefined)
  const most = models && mostReserved(config, models)
  const fault = most && budgetFault(config, most)
  if (fault !== undefined) throw new Error(fault)
  return describeBudgets(config, most, await readSpending(db))
}

const checkAll = async (config: Config, tell: (result: CheckResult) => void): Promise<CheckResult[]> => {
  const progress = createProgress()
  const { url, prepare } = config.database
  const isPooled = url !== undefined && parseConnectionUrl(url, prepare).isPooled
  const opening = openOrJoinDatabase(config).then((opened) => ({
    ...opened,
    db: connect({ url: opened.url, max: 1, prepare: config.database.prepare }),
  }))
  const close = singleFlight(Number.POSITIVE_INFINITY, async () => {
    progress.stop()
    const opened = await opening.catch(() => undefined)
    await opened?.db.close(0)
    await opened?.embedded?.stop()
  })
  const release = beforeSignalExit(close)
  const database = async (): Promise<string> => {
    const { db, location } = await opening
    const version = await checkVersion(db).catch((error: unknown) => {
      throw new Error(`${location}: ${errorMessage(error)}`)
    })
    return `${version}, ${location}`
  }
  try {
    const checks: Check[] = [
      { name: 'database', run: database },
      // A direct connection sets these itself.
      ...(isPooled
        ? [{ name: 'settings', needs: 'database', run: async () => checkServerSettings((await opening).db) }]
        : []),
      { name: 'migrations', needs: 'database', run: async () => checkMigrations((await opening).db) },
      { name: 'role', needs: 'migrations', run: async () => checkRole((await opening).db) },
      {
        name: 'row-level security',
        needs: 'migrations',
        run: async () => checkRowSecurity((await opening).db),
      },
      { name: 'schema', needs: 'migrations', run: async () => checkSchema((await opening).db) },
      {
        name: 'sharding',
        needs: 'migrations',
        isSeldom: true,
        run: async () => checkSharding((await opening).db),
      },
      ...(config.database.readUrl === undefined
        ? []
        : [
            {
              name: 'read replica',
              needs: 'migrations',
              run: async () => checkReplica(config.database, (await opening).db),
            },
          ]),
      { name: 'keys', run: () => checkKeys(config) },
      { name: 'model', run: () => checkModels(config) },
      { name: 'browser origins', run: () => checkOrigins(config) },
      { name: 'chat page', run: () => checkPage(config) },
      ...(haveBudgets(config.userLimits) || config.totalBudget
        ? [
            {
              name: 'budgets',
              needs: 'migrations',
              run: async () => checkBudgets(config, (await opening).db),
            },
          ]
        : []),
      ...(config.toolWarnings.length > 0
        ? [{ name: 'CHAT_MCP_CONFIG', run: async () => config.toolWarnings.join('; ') }]
        : []),
      ...config.toolServers.map((server) => ({
        name: `tools ${server.name}`,
        run: async () => checkTools(config, server),
      })),
    ]
    return await runChecks(checks, progress, tell)
  } finally {
    await close()
    release()
  }
}

/**
 * `colloquy doctor`: checks the configuration and the database; false when something is wrong. With `asJson` it prints one JSON
 * object in place of the lines, also when the configuration cannot be read: `configure` then throws a ConfigError.
 */
export const doctor = async (configure: () => Promise<Config>, asJson: boolean): Promise<boolean> => {
  const results = await configure().then(
    (config) => checkAll(config, (result) => asJson || isExiting() || console.log(resultLine(result))),
    (error: unknown): CheckResult[] => {
      if (!(asJson && error instanceof ConfigError)) throw error
      return [{ name: 'configuration', status: 'failed', detail: error.message }]
    },
  )
  if (isExiting()) return false
  console.log(asJson ? toJson(results) : summaryLine(results))
  return isHealthy(results)
}
