import type { FastifyInstance, RegisterOptions } from 'fastify'
import { buildMountedChat } from '../app.js'
import { defaultStreamTimeouts } from '../chat.js'
import { errorMessage } from '../commands/error-message.js'
import { metricsPageFor, openMetrics } from '../commands/metrics.js'
import { openChat, openMigratedDatabase } from '../commands/open-chat.js'
import { singleFlight } from '../concurrency/single-flight.js'
import { serializeError } from '../log.js'
import { openTracing } from '../tracing/open-tracing.js'
import { mount } from './mount.js'
import type { ColloquyOptions } from './options.js'
import { checkOwnOptions, readSettings } from './read-options.js'

export type { ColloquyOptions, ColloquySettings } from './options.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** set on the chat's routes, so that hooks of the app can tell them from its own */
    colloquy?: true
  }
}

/** A fastify app, with whatever server, logger and type provider. */
export interface HostApp {
  readonly prefix: string
  readonly supportedMethods: string[]
  readonly initialConfig: { pluginTimeout?: number }
}

/** What is left of the app's time for a hook after the turns have ended, for storing that and closing connections. */
const CLOSE_MS = 2_500
const DEFAULT_PLUGIN_TIMEOUT_MS = 10_000

/** How long running turns may finish: fastify gives up closing hooks after its `pluginTimeout`. */
const boundShutdown = (shutdownMs: number, { initialConfig }: HostApp): number => {
  const { pluginTimeout = DEFAULT_PLUGIN_TIMEOUT_MS } = initialConfig
  return pluginTimeout === 0 ? shutdownMs : Math.max(0, Math.min(shutdownMs, pluginTimeout - CLOSE_MS))
}

const register = async (
  app: FastifyInstance,
  { env = process.env, migrate = true, documents = false, metrics: registry, ...settings }: ColloquyOptions,
  defer: (close: () => Promise<unknown>) => void,
): Promise<void> => {
  checkOwnOptions({ env, migrate, documents, metrics: registry })
  const config = readSettings(settings, env)
  const { secret } = config.auth
  const log = app.log.child({ plugin: 'colloquy' }, { serializers: { err: serializeError } })
  const url = config.database.url ?? ''
  const tracing = await openTracing(config.tracing, { log, mayStart: false })
  const opened = await openMetrics(config, { registry })
  const { metrics } = opened
  const databases = await openMigratedDatabase({ url, config, migrates: migrate, log, metrics, defer })
  const mounted = await buildMountedChat({
    ...(await openChat(config, { ...databases, secret, log, tracing })),
    metrics,
    metricsPage: metricsPageFor(config, opened),
    shutdownMs: boundShutdown(config.shutdownMs, app),
    prefix: app.prefix.replace(/\/$/, ''),
    documents,
  })
  const { chat } = mounted
  defer(() => chat.close())
  const answers = mount(app, mounted, {
    stalledMs: defaultStreamTimeouts.stalledMs,
    corsOrigins: config.corsOrigins,
    log,
  })
  const stop = singleFlight(Number.POSITIVE_INFINITY, async () => {
    try {
      await chat.close()
    } finally {
      answers.end()
    }
  })
  app.addHook('onReady', async () => void (await chat.ready()))
  app.addHook('preClose', stop)
  app.addHook('onClose', async () => {
    // Where the app ends before it was ready, no `preClose` has run.
    await stop()
    await Promise.all([databases.db.close(), databases.readReplica?.replica.close()])
  })
}

/**
 * A fastify plugin that adds the chat to an app: `await app.register(colloquy, { databaseUrl, betterAuthUrl, model })`. It is
 * encapsulated: besides its routes it adds nothing to the app. Rejects when the options, the database or a key is not as needed.
 */
export const colloquy = async (app: HostApp, options: ColloquyOptions): Promise<void> => {
  // fastify's own, which it passes on.
  const {
    prefix: _,
    logLevel: __,
    logSerializers: ___,
    ...own
  } = options as ColloquyOptions & RegisterOptions
  const closes: (() => Promise<unknown>)[] = []
  try {
    await register(app as FastifyInstance, own, (close) => closes.unshift(close))
  } catch (error) {
    for (const close of closes) await close().catch(() => {})
    throw new Error(`colloquy: ${errorMessage(error)}`, { cause: error })
  }
}
