import { readFileSync } from 'node:fs'
import type { EnvironmentReader } from './environment.js'
import { parseToolServers, ToolServersError } from './tools/mcp/parse-servers.js'
import type { ToolServer } from './tools/mcp/server-config.js'
import { parseSigningKeys, type SigningKey } from './tools/signing-keys.js'

/** The command that generates a value for CHAT_TOOLS_KEY. */
export const toolKeyCommand = '"openssl genpkey -algorithm ed25519"'

/** Reads the tools' part of the configuration. Throws ConfigError. */
export const readTools = ({ text, fail, integer }: Pick<EnvironmentReader, 'text' | 'fail' | 'integer'>) => {
  const contents = (path: string): string => {
    try {
      return readFileSync(path, 'utf8')
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      return fail('CHAT_MCP_CONFIG', `the path of a readable file (${code})`)
    }
  }
  const toolWarnings: string[] = []
  const servers = (path: string): ToolServer[] => {
    const json = contents(path)
    try {
      return parseToolServers(json, text, (message) => toolWarnings.push(message))
    } catch (error) {
      if (!(error instanceof ToolServersError)) throw error
      return fail('CHAT_MCP_CONFIG', `the path of a valid file: ${error.message}`)
    }
  }
  const keys = (pem: string): SigningKey[] => {
    try {
      return parseSigningKeys(pem)
    } catch {
      return fail(
        'CHAT_TOOLS_KEY',
        `one or more Ed25519 private keys in PEM (not the path of a file), as ${toolKeyCommand} prints one`,
      )
    }
  }
  const path = text('CHAT_MCP_CONFIG')
  const pem = text('CHAT_TOOLS_KEY')
  return {
    toolServers: path === undefined ? [] : servers(path),
    toolWarnings,
    toolKeys: pem === undefined ? [] : keys(pem),
    toolResultBytes: integer('CHAT_TOOL_RESULT_BYTES', 65_536, 1_024, 1_048_576),
  }
}
