import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { type Config, requireToolKeys } from '../config.js'
import { parseToolKeys, type ToolKey } from '../tools/keys.js'
import { carriesUser } from '../tools/servers.js'
import { type ConfiguredTools, createToolSource, type ToolSourceOptions } from '../tools/source.js'
import { keptFile } from './kept-file.js'

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

/** The tools of the configured servers, and the keys that these verify tokens with. */
export const openTools = async (
  config: Config,
  options: Pick<ToolSourceOptions, 'log' | 'stderr'>,
): Promise<{ tools: ConfiguredTools; keys: ToolKey[] }> => {
  const keys = await openToolKeys(config)
  const { toolServers: servers, toolResultBytes: maxResultBytes } = config
  return { tools: createToolSource({ servers, keys, maxResultBytes, ...options }), keys }
}
