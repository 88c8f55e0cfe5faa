import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { builtProgram } from './program.js'
import type { Scope } from './scope.js'
import { within } from './wait.js'

const { resolve } = createRequire(import.meta.url)

type Name = 'everything' | 'filesystem' | 'memory'
const programOf = (name: Name): string => resolve(`@modelcontextprotocol/server-${name}/dist/index.js`)

/** The configuration of a reference server of MCP that is a process. */
export const stdioReference = (name: Name, args: string[] = [], env: Record<string, string> = {}) => ({
  command: process.execPath,
  args: [programOf(name), ...args],
  env,
})

/** The reference server that has everything, over streamable HTTP; gone at the end of the test. */
export const httpReference = async (t: Scope): Promise<{ url: string }> => {
  const preload = pathToFileURL(join(builtProgram(), 'test/helpers/loopback-only.js')).href
  const args = ['--import', preload, programOf('everything'), 'streamableHttp']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const port = async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      const [, port] = /^listening on (\d+)$/.exec(line) ?? []
      if (port) return port
    }
    throw new Error('the reference server ended')
  }
  return { url: `http://127.0.0.1:${await within('the reference server', port())}/mcp` }
}
