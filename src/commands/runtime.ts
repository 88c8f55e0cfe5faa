import type { FastifyBaseLogger } from 'fastify'
import { type Config, requireModels } from '../config.js'
import { findRunningPostgres } from '../embedded-postgres/find-running.js'
import type { EmbeddedPostgres } from '../embedded-postgres/start.js'
import type { AuthenticationOptions } from '../http/authentication.js'
import { createKeySet } from '../http/key-set.js'
import { createCooldowns } from '../models/cooldowns.js'
import type { Model } from '../models/model.js'
import { openChain } from '../models/open-model.js'
import type { Tracing } from '../tracing/tracing.js'

export interface OpenDatabase {
  url: string
  /** the embedded PostgreSQL, when this process started it */
  embedded: EmbeddedPostgres | undefined
  /** where it is, for messages */
  location: string
}

interface Listeners {
  log: (line: string) => void
  /** hears of the steps that take a while, when they begin; default: `log` */
  begin?: (step: string) => void
}

/** Opens the configured database, or starts the embedded one. */
export const openDatabase = async (config: Config, listeners: Listeners): Promise<OpenDatabase> => {
  const { dataDir, database } = config
  if (database.url) return { url: database.url, embedded: undefined, location: 'at DATABASE_URL' }
  const { startEmbedded } = await import('../embedded-postgres/start.js')
  const embedded = await startEmbedded({ dataDir, ...listeners })
  return { url: embedded.url, embedded, location: `embedded in ${dataDir}` }
}

/** Like openDatabase, but uses the embedded PostgreSQL of a running server. For commands other than `serve`. */
export const openOrJoinDatabase = (
  config: Config,
  listeners: Listeners = { log() {} },
): Promise<OpenDatabase> =>
  openDatabase(config, listeners).catch(async (error: unknown) => {
    const url = config.database.url ? undefined : await findRunningPostgres(config.dataDir)
    if (!url) throw error
    return { url, embedded: undefined, location: `embedded in ${config.dataDir}, run by another process` }
  })

export const authenticationOptions = (
  { auth }: Config,
  secret: string | undefined,
  log: FastifyBaseLogger,
): Omit<AuthenticationOptions, 'isUserId'> => ({
  shared: secret ? { secret, issuer: auth.sharedIssuer, audience: auth.sharedAudience } : undefined,
  published:
    auth.jwksUrl && auth.issuer && auth.audience
      ? { keys: createKeySet({ url: auth.jwksUrl, log }), issuer: auth.issuer, audience: auth.audience }
      : undefined,
})

/** Opens the default model and those that a request may name, each with its fallbacks. Throws ConfigError when a key is missing. */
export const openModels = async (
  config: Config,
  log: Pick<FastifyBaseLogger, 'warn'>,
  tracing?: Tracing | undefined,
): Promise<{ model: Model; otherModels: Model[] }> => {
  requireModels(config)
  const { credentials, modelSettings, fallbacks, model, otherModels } = config
  const options = { credentials, ...modelSettings, cooldowns: createCooldowns(), log, tracing }
  const open = (name: string) => openChain([name, ...(fallbacks[name] ?? [])], options)
  return { model: await open(model), otherModels: await Promise.all(otherModels.map(open)) }
}
