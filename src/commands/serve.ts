import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { buildApp } from '../app.js'
import { type Config, requireModels, requireTokenVerification, requireToolKeys } from '../config.js'
import { createLog } from '../log.js'
import { openTracing, wantsTracing } from '../tracing/open-tracing.js'
import type { Tracing } from '../tracing/tracing.js'
import { openChatPage } from './chat-page.js'
import { listenForMetrics, metricsPageFor, openMetrics } from './metrics.js'
import { openChat, openMigratedDatabase } from './open-chat.js'
import { createProgress, type Progress } from './progress.js'
import { openDatabase } from './runtime.js'
import { prepareShutdown, type Shutdown } from './shutdown.js'
import { StartupError } from './startup-error.js'
import { signLoginToken } from './token.js'
import { openTokenSecret } from './token-secret.js'

/** After the last turn has ended: how long idle connections stay open, and how long the rest of the shutdown may take. */
const IDLE_CONNECTION_MS = 1_000
const CLOSE_MS = 30_000
const DAY_SECONDS = 86_400

const printWelcome = (address: string, config: Config, token: string, isEmbedded: boolean): void => {
  console.log(`
Colloquy listens on ${address} and answers with the model "${config.model}".
${config.page ? `Chat page: ${address}/\n` : ''}API reference, where you can try everything: ${address}/docs
Guides: ${address}/docs/guides
${isEmbedded ? `Data: ${resolve(config.dataDir)} (to begin anew, stop with Ctrl-C and remove this folder)\n` : ''}
Try it (with a development token for the user "demo", valid for a day):

curl -s ${address}/api/demo/chat \\
  -H 'authorization: Bearer ${token}' \\
  -H 'content-type: application/json' \\
  -d '{"message": "Hello"}'
`)
}

interface StartOptions {
  log: Logger
  shutdown: Shutdown
  progress: Progress
  tracing: Tracing | undefined
}

const toStartupError = (error: NodeJS.ErrnoException, { host, port }: Config): Error => {
  const messages: Record<string, string> = {
    EADDRINUSE: `PORT ${port} is in use by another program (on ${host}): stop that program, or choose a free one with PORT or --port.`,
    EACCES: `PORT ${port} may not be opened by this user: set PORT to a number above 1023.`,
    EADDRNOTAVAIL: `HOST ${host} is not an address of this machine.`,
    ENOTFOUND: `HOST ${host} cannot be resolved: set it to an address of this machine, such as 127.0.0.1 or 0.0.0.0.`,
  }
  const message = messages[error.code ?? '']
  return message ? new StartupError(message, { cause: error }) : error
}

const start = async (config: Config, { log, shutdown, progress, tracing }: StartOptions): Promise<void> => {
  const opening = openDatabase(config, {
    log: (line) => (progress.isLive ? progress.above(() => console.log(line)) : log.info(line)),
    ...(progress.isLive && { begin: progress.begin }),
  })
  // Registered before it is open, so that a signal during the start leaves no PostgreSQL running.
  shutdown.defer(async () => (await opening.catch(() => undefined))?.embedded?.stop())
  const { url, embedded } = await opening
  void embedded?.exited.then((error) => {
    if (error) shutdown.fail(error)
  })

  const opened = await openMetrics(config)
  const { metrics } = opened
  const { defer } = shutdown
  const databases = await openMigratedDatabase({
    url,
    config,
    migrates: true,
    log,
    metrics,
    progress,
    defer,
  })
  // What follows takes no time, and may log.
  progress.done()
  const { secret, isDevelopment } = await openTokenSecret(config)
  if (isDevelopment && !embedded) {
    log.warn('tokens are verified with a development secret: set BETTER_AUTH_URL or BETTER_AUTH_SECRET')
  }
  const demoUser =
    isDevelopment && secret
      ? { id: 'demo', token: await signLoginToken(config, secret, 'demo', DAY_SECONDS) }
      : undefined
  const page = await openChatPage(config, { developmentSecret: isDevelopment ? secret : undefined, log })
  await listenForMetrics(config, opened, { log, defer })
  const lameDuck = new AbortController()
  const app = await buildApp({
    ...(await openChat(config, { ...databases, secret, log, tracing })),
    demoUser,
    page,
    metrics,
    metricsPage: metricsPageFor(config, opened),
    maxConnections: config.maxConnections,
    lameDuck: lameDuck.signal,
  })
  // Runs after the turns have drained. An idle keep-alive connection would otherwise keep the server open.
  app.addHook('preClose', async () => {
    setTimeout(() => app.server.closeAllConnections(), IDLE_CONNECTION_MS).unref()
  })
  defer(() => app.close())
  const address = await app.listen({ host: config.host, port: config.port }).catch((error) => {
    throw toStartupError(error, config)
  })
  shutdown.defer(async (failure) => {
    lameDuck.abort()
    // Load balancers need a moment to notice. A program that has failed is not to be trusted for so long.
    if (!failure) await delay(config.shutdownDelayMs)
  })
  if (demoUser) printWelcome(address, config, demoUser.token, embedded !== undefined)
}

/** `colloquy serve`: runs until a signal, goes on for CHAT_SHUTDOWN_DELAY_MS, and gives running turns CHAT_SHUTDOWN_MS to finish. */
export const serve = async (config: Config): Promise<void> => {
  requireTokenVerification(config)
  requireModels(config)
  requireToolKeys(config)
  let tracing: Tracing | undefined
  const logFields = wantsTracing(config.tracing) ? () => tracing?.logFields() ?? {} : undefined
  const log = createLog(config.logLevel, logFields)
  // Where a person looks at the output, they see steps in place of log lines.
  const progress = createProgress(process.stdout)
  const shutdown = prepareShutdown(log, config.shutdownDelayMs + config.shutdownMs + CLOSE_MS, progress.stop)
  try {
    tracing = await openTracing(config.tracing, { log, mayStart: true })
    if (tracing) shutdown.defer(tracing.close)
    await start(config, { log, shutdown, progress, tracing })
  } catch (error) {
    progress.fail()
    // A signal during the start closes what the start needs, which is not an error.
    if (shutdown.hasBegun()) return
    await shutdown.closeAll()
    throw error
  }
}
