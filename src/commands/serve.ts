import type { Logger } from 'pino'
import { buildApp } from '../app.js'
import { type Config, requireModels, requireTokenVerification, requireToolKeys } from '../config.js'
import { connect } from '../db/connect.js'
import { migrate } from '../db/migrate.js'
import { checkRls } from '../db/rls-check.js'
import { createLog } from '../log.js'
import { publish } from '../tools/signing-keys.js'
import { authenticationOptions, openDatabase, openModels } from './runtime.js'
import { openSecret } from './secret.js'
import { type Ending, prepareEnding } from './shutdown.js'
import { signToken } from './token.js'
import { openTools } from './tools.js'

/** How long connections without a request, and then the database, get to end after the last turn has. */
const idleMarginMs = 1_000
const closeMarginMs = 30_000
const dayInSeconds = 86_400

/** The start is refused; the message says what to do. */
export class StartRefused extends Error {}

const announce = async (address: string, config: Config, secret: string): Promise<void> => {
  const token = await signToken(config, secret, 'demo', dayInSeconds)
  console.log(`
Colloquy listens on ${address} and answers with the model "${config.model}".
The reference of its API: ${address}/docs

Try it (a development token of the user "demo", good for a day):

curl -s ${address}/api/demo/chat \\
  -H 'authorization: Bearer ${token}' \\
  -H 'content-type: application/json' \\
  -d '{"message": "Hello"}'
`)
}

const listenRefusal = (error: NodeJS.ErrnoException, { host, port }: Config): Error => {
  const refusals: Record<string, string> = {
    EADDRINUSE: `PORT ${port} is in use by another program (on ${host}): end that one, or set PORT to a free one.`,
    EACCES: `PORT ${port} may not be opened by this user: set PORT to one above 1023.`,
    EADDRNOTAVAIL: `HOST ${host} is not an address of this machine.`,
    ENOTFOUND: `HOST ${host} is not known: set it to an address of this machine, such as 127.0.0.1 or 0.0.0.0.`,
  }
  const refusal = refusals[error.code ?? '']
  return refusal ? new StartRefused(refusal, { cause: error }) : error
}

const start = async (config: Config, log: Logger, ending: Ending): Promise<void> => {
  const opening = openDatabase(config, (line) => log.info(line))
  // Handed over before it is open, so that a signal meanwhile leaves no PostgreSQL behind.
  ending.closeFirst(async () => (await opening.catch(() => undefined))?.embedded?.stop())
  const { url, embedded } = await opening
  void embedded?.exited.then((error) => {
    if (error) ending.fail(error)
  })

  await migrate(url, { log: (line) => log.info(line) })
  const { poolMax, prepare } = config.database
  const db = connect({ url, max: poolMax, prepare })
  ending.closeFirst(db.close)
  const findings = await checkRls(db)
  if (findings.length > 0) {
    const lines = findings.map(({ issue, fix }) => `- ${issue}\n  As an administrator of it run: ${fix}`)
    throw new StartRefused(`Users would not be isolated by this database:\n${lines.join('\n')}`)
  }

  const { secret, isDevelopment } = await openSecret(config)
  if (isDevelopment && !embedded) {
    log.warn('tokens are verified with a development secret: set BETTER_AUTH_URL or BETTER_AUTH_SECRET')
  }
  const { tools, keys } = await openTools(config, { log })
  const servers = config.toolServers.filter(({ disabled }) => !disabled).map(({ name }) => name)
  if (servers.length > 0) log.info({ servers }, 'tools come from these servers')
  const app = await buildApp({
    db,
    log,
    tools,
    toolKeys: publish(keys),
    ...(await openModels(config)),
    systemPrompt: config.systemPrompt,
    titles: config.titles,
    limits: config.limits,
    auth: authenticationOptions(config, secret, log),
    corsOrigins: config.corsOrigins,
    shutdownMs: config.shutdownMs,
    maxConnections: config.maxConnections,
  })
  // Runs after the turns have drained. A browser's spare connection would keep the server open for ever.
  app.addHook('preClose', async () => {
    setTimeout(() => app.server.closeAllConnections(), idleMarginMs).unref()
  })
  ending.closeFirst(() => app.close())
  const address = await app.listen({ host: config.host, port: config.port }).catch((error) => {
    throw listenRefusal(error, config)
  })
  if (isDevelopment && secret) await announce(address, config, secret)
}

/** `colloquy serve`: runs until a signal ends it; running turns get CHAT_SHUTDOWN_MS to finish. */
export const serve = async (config: Config): Promise<void> => {
  requireTokenVerification(config)
  requireModels(config)
  requireToolKeys(config)
  const log = createLog(config.logLevel)
  const ending = prepareEnding(log, config.shutdownMs + closeMarginMs)
  try {
    await start(config, log, ending)
  } catch (error) {
    // A signal during the start closes under its feet what it needs; that is no error of its own.
    if (ending.isUnderWay()) return
    await ending.abandon()
    throw error
  }
}
