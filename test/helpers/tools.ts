import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { parseToolServers } from '../../src/tools/mcp/parse-servers.js'
import {
  createToolRegistry,
  type McpToolRegistry,
  type ToolRegistryOptions,
} from '../../src/tools/registry.js'
import { parseSigningKeys, publicJwks, type SigningKey } from '../../src/tools/signing-keys.js'
import type { CallOptions, Tool } from '../../src/tools/tool.js'
import { listen } from './listen.js'
import type { Scope } from './scope.js'

/** An Ed25519 private key, as `openssl genpkey -algorithm ed25519` prints it. */
export const newToolsPem = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

export const newToolKeys = (): SigningKey[] => parseSigningKeys(newToolsPem())

/** The address at which these keys are published. */
export const publishing = async (t: Scope, keys: () => readonly SigningKey[]): Promise<string> => {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: publicJwks(keys()) }))
  })
  return `${await listen(t, server)}/`
}

/** What stands in a configuration for a variable's value. */
export const placeholder = (name: string): string => `\${${name}}`

export interface TestTools extends McpToolRegistry {
  logged: { server: string; tool?: string; tools?: string[]; count?: number; reason?: string; text: string }[]
  of(user: string): Promise<UserTools>
}

/** The tools of one user's turn. */
export interface UserTools {
  names: string[]
  get(name: string): Tool
  call(name: string, args?: object, options?: Partial<CallOptions>): Promise<unknown>
}

/** The tools of servers as CHAT_MCP_CONFIG declares them; closed at the end of the test. */
export const testTools = (
  t: Scope,
  mcpServers: Record<string, object>,
  options: Partial<Omit<ToolRegistryOptions, 'servers'>> = {},
): TestTools => {
  const logged: TestTools['logged'] = []
  const registry = createToolRegistry({
    servers: parseToolServers(JSON.stringify({ mcpServers }), (name) => process.env[name]),
    keys: newToolKeys(),
    maxResultBytes: 65_536,
    // Reading the program, and starting a process, takes its time on a busy machine.
    connectMs: 60_000,
    log: { warn: (fields, text) => void logged.push({ ...(fields as { server: string }), text }) },
    ...options,
  })
  t.teardown(() => registry.close())
  return {
    ...registry,
    logged,
    async of(user) {
      const tools = await registry.open(user, new AbortController().signal)
      const get = (name: string): Tool => {
        const tool = tools.find((tool) => tool.name === name)
        if (!tool) throw new Error(`there is no tool ${name}: ${JSON.stringify(logged)}`)
        return tool
      }
      return {
        names: tools.map(({ name }) => name),
        get,
        call: async (name, args = {}, options = {}) =>
          get(name).call(
            { ...args },
            { key: randomUUID(), signal: new AbortController().signal, ...options },
          ),
      }
    },
  }
}
