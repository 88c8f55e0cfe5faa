/** A tool server that is a process, for tests: what its tools do, they do to themselves. */
import { writeFileSync } from 'node:fs'
import { Server } from '@modelcontextprotocol/server'
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio'

const calls: Record<string, () => unknown> = {
  pid: () => process.pid,
  environment: () => ({ names: Object.keys(process.env), token: process.env.TOKEN }),
  argv: () => process.argv.slice(2),
  folder: () => process.cwd(),
  die: () => process.exit(1),
  hang: () => new Promise(() => {}),
  stop() {
    writeFileSync(process.env.STOPPED ?? '', '')
    for (;;);
  },
  flood: () => 'x'.repeat(4_000_000),
}

if (process.env.STUBBORN) {
  process.on('SIGTERM', () => {})
  setInterval(() => {}, 1_000)
}

const server = new Server({ name: 'stdio', version: '1' }, { capabilities: { tools: {} } })
server.setRequestHandler('tools/list', () => ({
  tools: Object.keys(calls).map((name) => ({ name, inputSchema: { type: 'object' as const } })),
}))
server.setRequestHandler('tools/call', async ({ params }) => ({
  content: [{ type: 'text', text: JSON.stringify((await calls[params.name]?.()) ?? null) }],
}))
console.error('the server says something')
await server.connect(new StdioServerTransport())
