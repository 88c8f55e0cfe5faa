import { generateKeyPairSync } from 'node:crypto'
import { constants } from 'node:os'
import { join } from 'node:path'
import { type Config, requireToolKeys } from '../config.js'
import { carriesUser } from '../tools/mcp/server-config.js'
import { type ConfiguredTools, createToolSource, type ToolSourceOptions } from '../tools/registry.js'
import { parseToolKeys, type ToolKey } from '../tools/signing-keys.js'
import { maxToolBytes } from '../turns/agent/history-window.js'
import { keptFile } from './persisted-file.js'

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const newKey = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

/** The keys that tokens for tool servers are signed with; none when no server gets such tokens. Throws ConfigError. */
const openToolKeys = async (config: Config): Promise<ToolKey[]> => {
  requireToolKeys(config)
  if (!config.toolServers.some(carriesUser)) return []
  if (config.toolKeys.length > 0) return config.toolKeys
  const file = join(config.dataDir, 'tools-key.pem')
  const pem = await keptFile(file, newKey)
  try {
    return parseToolKeys(pem)
  } catch {
    throw new Error(`${file} holds no key: remove it, and the next start makes a new one.`)
  }
}

/** How many bytes the tools of a turn may have, for each model that may answer. */
const toolBytes = ({ model, otherModels, limits }: Config): number[] =>
  [model, ...otherModels].map((name) => maxToolBytes(limits, name))

/** The tools of the configured servers, and the keys that these verify tokens with. */
export const openTools = async (
  config: Config,
  options: Pick<ToolSourceOptions, 'log' | 'stderr' | 'maxToolBytes'>,
): Promise<{ tools: ConfiguredTools; keys: ToolKey[] }> => {
  const keys = await openToolKeys(config)
  const { toolServers: servers, toolResultBytes: maxResultBytes } = config
  const maxToolBytes = Math.max(...toolBytes(config))
  // Read now, so that it takes nothing of the time that a server has to answer in.
  if (servers.some(({ disabled }) => !disabled)) await import('../tools/mcp/client.js')
  return { tools: createToolSource({ servers, keys, maxResultBytes, maxToolBytes, ...options }), keys }
}

/**
 * The same for a command that ends by itself: closes them after the work, and when a signal ends it. Their processes are in groups
 * of their own, which a terminal's Ctrl-C does not reach.
 */
export const withTools = async <T>(
  config: Config,
  work: (opened: Awaited<ReturnType<typeof openTools>>) => Promise<T>,
): Promise<T> => {
  // What a turn gets whichever model answers.
  const maxToolBytes = Math.min(...toolBytes(config))
  const opened = await openTools(config, { log: { warn() {} }, stderr: 'inherit', maxToolBytes })
  const { tools } = opened
  let signals = 0
  const onSignal = async (signal: NodeJS.Signals): Promise<void> => {
    signals += 1
    if (signals === 1) await tools.close()
    process.exit(128 + constants.signals[signal])
  }
  for (const signal of endingSignals) process.on(signal, onSignal)
  try {
    return await work(opened)
  } finally {
    await tools.close()
    for (const signal of endingSignals) process.off(signal, onSignal)
  }
}
