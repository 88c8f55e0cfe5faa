import type { EnvironmentReader } from './environment.js'
import { parseToolServers, ToolServersError } from './tools/mcp/parse-servers.js'
import type { ToolServer } from './tools/mcp/server-config.js'
import { parseSigningKeys, type SigningKey } from './tools/signing-keys.js'

/** The command that generates a value for CHAT_TOOLS_KEY. */
export const toolKeyCommand = '"openssl genpkey -algorithm ed25519"'

/** Reads the tools' part of the configuration. Throws ConfigError. */
export const readTools = ({
  text,
  fail,
  file,
  integer,
}: Pick<EnvironmentReader, 'text' | 'fail' | 'file' | 'integer'>) => {
  const toolWarnings: string[] = []
  const servers = (json: string): ToolServer[] => {
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
  const json = file('CHAT_MCP_CONFIG')
  const pem = text('CHAT_TOOLS_KEY')
  return {
    toolServers: json === undefined ? [] : servers(json),
    toolWarnings,
    toolKeys: pem === undefined ? [] : keys(pem),
    toolResultBytes: integer('CHAT_TOOL_RESULT_BYTES', 65_536, 1_024, 1_048_576),
  }
}
