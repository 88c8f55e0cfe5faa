import type { FastifyBaseLogger } from 'fastify'
import type { ChatOptions } from '../chat.js'
import type { Config } from '../config.js'
import { connect, connectReplica } from '../db/connect.js'
import type { Database } from '../db/database.js'
import { migrate, pendingMigrations } from '../db/migrate.js'
import { type Replica, readIdentity } from '../db/replica.js'
import { checkRls } from '../db/rls-check.js'
import { readShardingIfBegun } from '../db/sharding.js'
import { createWalPositions } from '../db/wal-positions.js'
import { publicJwks } from '../tools/signing-keys.js'
import type { Tracing } from '../tracing/tracing.js'
import { haveBudgets } from '../turns/user-rules.js'
import { budgetFault, describeBudgets, mostReserved } from './budgets.js'
import { notWithSharding } from './doctor-database.js'
import type { Progress } from './progress.js'
import { authenticationOptions, openModels } from './runtime.js'
import { StartupError } from './startup-error.js'
import { openTools } from './tools.js'

export interface OpenDatabaseOptions {
  url: string
  config: Config
  /** whether the database is migrated, or refused when it is not */
  migrates: boolean
  log: FastifyBaseLogger
  metrics?: ChatOptions['metrics']
  /** shows the migration on a terminal, in place of the log */
  progress?: Progress
  /** registers something to close; the last registered is closed first */
  defer(close: () => Promise<unknown>): void
}

/** How a migration is told: in the log, or shown as one step. */
const migrationListeners = (log: FastifyBaseLogger, progress: Progress | undefined) => {
  if (!progress?.isLive) return { log: (line: string) => log.info(line) }
  return {
    log: (line: string) => progress.above(() => console.log(line)),
    onBegin: ({ name, number, of }: { name: string; number: number; of: number }) =>
      progress.update(`migrating the database (${number} of ${of}: ${name})`),
    onApplied: () => {},
  }
}

/** What is read on a replica is at most so old, unless a lease is shorter. */
const maxLagMs = 5_000

/**
 * A lease has two thirds of its time left at least, and is judged by what is read: so a replica may lag by one third.
 */
const positionsFor = ({ database, limits }: Config) =>
  database.readUrl === undefined ? undefined : createWalPositions(Math.min(maxLagMs, limits.leaseMs / 3))

/** Throws StartupError. */
const openReplica = async (
  { readUrl: url, poolMax: max, prepare }: Config['database'],
  db: Database,
  metrics: ChatOptions['metrics'],
): Promise<Replica | undefined> => {
  if (url === undefined) return undefined
  if (await readShardingIfBegun(db)) throw new StartupError(`${notWithSharding}.`)
  return connectReplica({ url, max, prepare, metrics, replicaOf: await readIdentity(db) })
}

/** Connects to a database that is migrated and isolates users from each other, and to its replica. Throws StartupError. */
export const openMigratedDatabase = async (
  options: OpenDatabaseOptions,
): Promise<Pick<ChatOptions, 'db' | 'readReplica'>> => {
  const { url, config, migrates, log, metrics, progress, defer } = options
  if (migrates) {
    progress?.begin('migrating the database')
    const applied = await migrate(url, migrationListeners(log, progress))
    progress?.update(
      applied.length > 0 ? `migrating the database (${applied.length} steps)` : 'migrating the database',
    )
  }
  const { poolMax, prepare } = config.database
  const positions = positionsFor(config)
  const db = connect({ url, max: poolMax, prepare, metrics, positions })
  defer(() => db.close())
  const missing = migrates ? [] : await pendingMigrations(db)
  if (missing.length > 0) {
    throw new StartupError(`The database lacks ${missing.join(', ')}: run "colloquy migrate".`)
  }
  const faults = await checkRls(db)
  if (faults.length > 0) {
    const lines = faults.map(({ issue, fix }) => `- ${issue}\n  As an administrator of it run: ${fix}`)
    throw new StartupError(`This database would not isolate users from each other:\n${lines.join('\n')}`)
  }
  const replica = await openReplica(config.database, db, metrics)
  if (!replica || !positions) return { db }
  defer(() => replica.close())
  return { db, readReplica: { replica, positions } }
}

interface OpenChatOptions extends Pick<ChatOptions, 'db' | 'readReplica'> {
  secret: string | undefined
  log: FastifyBaseLogger
  tracing?: Tracing | undefined
}

/** Opens what the chat consists of, as configured; `secret` verifies HS256 tokens. Throws ConfigError. */
export const openChat = async (
  config: Config,
  { db, readReplica, secret, log, tracing }: OpenChatOptions,
): Promise<ChatOptions> => {
  for (const warning of config.toolWarnings) log.warn(`CHAT_MCP_CONFIG: ${warning}`)
  const { registry, keys } = await openTools(config, { log, traceHeaders: tracing?.headers })
  const servers = config.toolServers.filter(({ disabled }) => !disabled).map(({ name }) => name)
  if (servers.length > 0) log.info({ servers }, 'tool servers configured')
  const models = await openModels(config, log, tracing)
  if (haveBudgets(config.userLimits) || config.totalBudget) {
    const most = mostReserved(config, models)
    log.info({ budgets: describeBudgets(config, most) }, 'budgets configured')
    const fault = budgetFault(config, most)
    if (fault !== undefined) log.warn(fault)
  }
  return {
    db,
    readReplica,
    log,
    tracing,
    // Without servers a turn makes one request, and reserves no more of a budget.
    tools: servers.length > 0 ? registry : undefined,
    toolKeys: publicJwks(keys),
    ...models,
    prices: config.prices,
    maxOutputTokens: config.modelSettings.maxOutputTokens,
    systemPrompt: config.systemPrompt,
    assistants: config.assistants,
    promptClaims: config.promptClaims,
    titles: config.titles,
    compact: config.compact,
    limits: config.limits,
    userLimits: config.userLimits,
    totalBudget: config.totalBudget,
    planClaim: config.planClaim,
    retention: config.retention,
    instanceLimits: config.instanceLimits,
    auth: authenticationOptions(config, secret, log),
    corsOrigins: config.corsOrigins,
    shutdownMs: config.shutdownMs,
  }
}
