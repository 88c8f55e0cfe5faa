import { closestName } from '../closest-name.js'
import { singleFlight } from '../concurrency/single-flight.js'
import { type Config, requireTokenVerification } from '../config.js'
import { connect } from '../db/connect.js'
import { parseConnectionUrl } from '../db/connection-target.js'
import type { Database } from '../db/database.js'
import { findDrift } from '../db/drift.js'
import { pendingChanges } from '../db/migrate.js'
import { checkRls } from '../db/rls-check.js'
import { checkSettings } from '../db/settings.js'
import { ConfigError } from '../environment.js'
import { toLogText, toLogTexts } from '../http/log-text.js'
import { fetchPublicKeys } from '../http/public-keys.js'
import type { Model } from '../models/model.js'
import { type Access, type HttpServer, sendsUserToken, type ToolServer } from '../tools/mcp/server-config.js'
import { offeredAnyway } from '../tools/mcp/tool-list.js'
import { missingChoices } from '../tools/registry.js'
import type { SigningKey } from '../tools/signing-keys.js'
import type { ToolWarnings } from '../tools/tool-warnings.js'
import { estimateTools } from '../turns/agent/history-window.js'
import { haveBudgets } from '../turns/user-rules.js'
import { beforeSignalExit, isExiting } from './before-signal-exit.js'
import { budgetFault, describeBudgets, mostReserved, readSpending } from './budgets.js'
import { demoUsers } from './chat-page.js'
import {
  type Check,
  type CheckResult,
  isHealthy,
  resultLine,
  runChecks,
  summaryLine,
  toJson,
} from './doctor-report.js'
import { errorMessage } from './error-message.js'
import { createProgress } from './progress.js'
import { openModels, openOrJoinDatabase } from './runtime.js'
import { openTokenSecret } from './token-secret.js'
import { withTools } from './tools.js'

const checkVersion = async (db: Database): Promise<string> => {
  const [{ version }] = await db.asLogin(
    (sql) => sql<[{ version: string }]>`select current_setting('server_version') as version`,
  )
  if (Number.parseInt(version, 10) < 15)
    throw new Error(`PostgreSQL ${version} is too old: 15 or newer is required`)
  return `PostgreSQL ${version}`
}

const checkServerSettings = async (db: Database): Promise<string> => {
  const faults = await checkSettings(db)
  if (faults.length === 0) return 'as required'
  const details = faults.map(({ issue, fix }) => `${issue}: ${fix}`).join(' ')
  throw new Error(`pooled connections use the server's settings. ${details}`)
}

const checkMigrations = async (db: Database): Promise<string> => {
  const { migrations, functions } = await pendingChanges(db)
  const missing = [...migrations, ...(functions ? ["this program's functions"] : [])]
  if (missing.length === 0) return 'up to date'
  throw new Error(
    `missing ${missing.join(', ')}; run "colloquy migrate", or "colloquy serve", which does it too`,
  )
}

const checkRole = async (db: Database): Promise<string> => {
  const [{ login, app, bypasses }] = await db.asLogin(
    (sql) => sql<[{ login: string; app: boolean; bypasses: boolean }]>`
      select session_user as login,
        colloquy.app_role() is not null as app,
        rolsuper or rolbypassrls as bypasses
      from pg_catalog.pg_roles
      where rolname = session_user`,
  )
  if (app) return `${login}, serving requests as colloquy_app`
  if (bypasses) throw new Error(`${login} bypasses row-level security and cannot switch to colloquy_app`)
  return `${login}, subject to row-level security`
}

const checkRowSecurity = async (db: Database): Promise<string> => {
  const faults = await checkRls(db)
  if (faults.length === 0) return "forced on every table of users' data"
  throw new Error(faults.map(({ issue, fix }) => `${issue} As an administrator run: ${fix}`).join(' '))
}

const checkSchema = async (db: Database): Promise<string> => {
  const { differences, skipped } = await findDrift(db)
  if (differences.length > 0) throw new Error(`differs from this program's schema: ${differences.join('; ')}`)
  if (skipped === 'all') return 'not compared, because a newer Colloquy has migrated the database'
  return skipped
    ? 'as this program creates it, except for functions, which a newer program has replaced'
    : 'as this program creates it'
}

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

/** The user id for which doctor lists tools; not a user of the app. */
const doctorUser = 'doctor'

/** The restrictions of a server or a tool, in parentheses. */
const describeAccess = (access: Access | undefined): string => {
  if (access?.disabled) return ' (disabled)'
  return access?.users ? ` (for ${[...access.users].join(', ') || 'nobody'})` : ''
}

/** What a server that refuses our tokens has to accept. */
const describeUserTokens = ({ audience }: HttpServer, [key]: SigningKey[]): string =>
  `its tokens from Colloquy have iss colloquy, aud ${audience} and sub ${doctorUser}, and a running server publishes their key ${key?.kid}`

const describeWarnings = (warnings: ToolWarnings): string =>
  [...warnings]
    .map(([message, { count, tools }]) => {
      const names = tools.map(toLogText).join(', ')
      return count === 0 ? message : `${count} ${message}: ${names}${count > tools.length ? ' …' : ''}`
    })
    .join('; ')

/** What assistants name in vain of a server's tools. */
const describeMissingChoices = (
  { assistants }: Config,
  server: ToolServer,
  tools: readonly { name: string }[],
): string[] =>
  assistants.flatMap(({ name, tools: only = [] }) =>
    missingChoices(only, server.name, tools).map((tool) => {
      const likely = closestName(
        tool,
        tools.map(({ name }) => name),
      )
      const hint = likely === undefined ? '' : ` (did you mean ${toLogText(likely)}?)`
      return `the assistant ${name} has the tool ${toLogText(tool)}${hint}, which the server does not have`
    }),
  )

const checkTools = (config: Config, server: ToolServer): Promise<string> | string => {
  if (server.disabled) return 'disabled'
  return withTools({ ...config, toolServers: [server] }, async ({ registry, keys }) => {
    const { tools, offered, missing, warnings } = await registry
      .inspect(server, doctorUser)
      .catch((error: unknown) => {
        const isRefused = /answered 40[13]$/.test(errorMessage(error)) && sendsUserToken(server)
        throw new Error(
          isRefused ? `${errorMessage(error)}; ${describeUserTokens(server, keys)}` : errorMessage(error),
        )
      })
    const notes = warnings.size > 0 ? `; ${describeWarnings(warnings)}` : ''
    const choices = describeMissingChoices(config, server, tools)
    if (choices.length > 0) throw new Error(`${choices.join('; ')}${notes}`)
    if (missing.length > 0)
      throw new Error(`the server does not have these configured tools: ${missing.join(', ')}${notes}`)
    const isLeftOut = [...warnings.keys()].some((message) => !offeredAnyway.has(message))
    const count = `${offered.length} ${offered.length === 1 ? 'tool' : 'tools'}`
    if (isLeftOut) throw new Error(`${count}${notes}`)
    if (tools.length === 0) return 'no tools'
    const names = tools.map(({ name }) => `${toLogText(name)}${describeAccess(server.tools.get(name))}`)
    return `${count} of about ${estimateTools(offered)} tokens${describeAccess(server)}: ${names.join(', ')}${notes}`
  })
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
