import type { ChatOptions } from '../chat.js'
import type { Config } from '../config.js'
import type { Exposition } from '../metrics/metrics.js'
import { StartupError } from './startup-error.js'

/** What an app's registry of prom-client is to us. */
interface OpenOptions {
  /** the app's own registry, which it exposes itself */
  registry?: object | undefined
}

type Opened = Pick<ChatOptions, 'metrics'> & { exposition?: Exposition }

/** The names of all models that may answer. */
const modelNames = ({ model, otherModels, fallbacks }: Config): string[] => [
  model,
  ...otherModels,
  ...Object.values(fallbacks).flat(),
]

/** Opens the metrics where somebody is to read them. Elsewhere nothing of them is loaded. */
export const openMetrics = async (config: Config, { registry }: OpenOptions = {}): Promise<Opened> => {
  if (!config.metrics && !registry) return {}
  const { createPrometheus } = await import('../metrics/prometheus.js')
  return createPrometheus({
    models: modelNames(config),
    toolServers: config.toolServers.map(({ name }) => name),
    currency: config.prices?.currency,
    registry,
  })
}

/** The page that the chat serves itself: none where the metrics have a listener of their own. */
export const metricsPageFor = ({ metrics }: Config, { exposition }: Opened): ChatOptions['metricsPage'] =>
  exposition && metrics?.token !== undefined && !metrics.listener
    ? { token: metrics.token, exposition }
    : undefined

const toStartupError = (error: NodeJS.ErrnoException, { host, port }: { host: string; port: number }) => {
  const messages: Record<string, string> = {
    EADDRINUSE: `CHAT_METRICS_PORT ${port} is in use by another program (on ${host}): choose a free one.`,
    EACCES: `CHAT_METRICS_PORT ${port} may not be opened by this user: set it to a number above 1023.`,
    EADDRNOTAVAIL: `CHAT_METRICS_HOST ${host} is not an address of this machine.`,
    ENOTFOUND: `CHAT_METRICS_HOST ${host} cannot be resolved: set it to an address of this machine, such as 127.0.0.1 or 0.0.0.0.`,
  }
  const message = messages[error.code ?? '']
  return message ? new StartupError(message, { cause: error }) : error
}

/** Listens for scrapers, where the metrics have a port of their own. Throws StartupError. */
export const listenForMetrics = async (
  { metrics }: Config,
  { exposition }: Opened,
  { log, defer }: { log: ChatOptions['log']; defer(close: () => Promise<unknown>): void },
): Promise<void> => {
  if (!metrics?.listener || !exposition) return
  const { listener, token } = metrics
  const { listenForScrapers } = await import('../metrics/listener.js')
  const { url, close } = await listenForScrapers({ ...listener, token, exposition }).catch((error) => {
    throw toStartupError(error, listener)
  })
  defer(close)
  log.info({ url }, 'metrics are served')
}
