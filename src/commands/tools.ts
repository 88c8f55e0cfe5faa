import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { type Config, requireToolKeys } from '../config.js'
import { sendsUserToken } from '../tools/mcp/server-config.js'
import { createToolRegistry, type McpToolRegistry, type ToolRegistryOptions } from '../tools/registry.js'
import { parseSigningKeys, type SigningKey } from '../tools/signing-keys.js'
import { maxToolBytes } from '../turns/agent/history-window.js'
import { beforeSignalExit } from './before-signal-exit.js'
import { persistedFile } from './persisted-file.js'

const newKey = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

/** Returns the keys that sign user tokens; none when no server gets such tokens. Throws ConfigError. */
const openSigningKeys = async (config: Config): Promise<SigningKey[]> => {
  requireToolKeys(config)
  if (!config.toolServers.some(sendsUserToken)) return []
  if (config.toolKeys.length > 0) return config.toolKeys
  const file = join(config.dataDir, 'tools-key.pem')
  const pem = await persistedFile(file, newKey)
  try {
    return parseSigningKeys(pem)
  } catch {
    throw new Error(`${file} does not contain a valid key. Delete it, and the next start creates a new one.`)
  }
}

/** The size limit of a turn's tool definitions, for each model. */
const toolBytes = ({ model, otherModels, limits }: Config): number[] =>
  [model, ...otherModels].map((name) => maxToolBytes(limits, name))

/** Opens the registry of the configured tool servers, and the keys that sign its user tokens. */
export const openTools = async (
  config: Config,
  options: Pick<ToolRegistryOptions, 'log' | 'stderr' | 'maxToolBytes' | 'traceHeaders'>,
): Promise<{ registry: McpToolRegistry; keys: SigningKey[] }> => {
  const keys = await openSigningKeys(config)
  const { toolServers: servers, toolResultBytes: maxResultBytes } = config
  const maxToolBytes = Math.max(...toolBytes(config))
  // Loaded now, so that loading does not count toward a server's time limit.
  if (servers.some(({ disabled }) => !disabled)) await import('../tools/mcp/client.js')
  const selections = config.assistants.flatMap(({ tools }) => (tools ? [tools] : []))
  const registry = createToolRegistry({ servers, keys, maxResultBytes, maxToolBytes, selections, ...options })
  return { registry, keys }
}

/** Opens the registry for the duration of `work`, and closes it on a signal too. */
export const withTools = async <T>(
  config: Config,
  work: (opened: Awaited<ReturnType<typeof openTools>>) => Promise<T>,
): Promise<T> => {
  // The limit of the model with the smallest window.
  const maxToolBytes = Math.min(...toolBytes(config))
  const opened = await openTools(config, { log: { warn() {} }, stderr: 'inherit', maxToolBytes })
  const { registry } = opened
  const release = beforeSignalExit(() => registry.close())
  try {
    return await work(opened)
  } finally {
    await registry.close()
    release()
  }
}
