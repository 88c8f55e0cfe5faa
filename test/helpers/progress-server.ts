/** A tool server that is a process. Its tools report progress, as they are told or by counting, and ask their client for things. */
import { createInterface } from 'node:readline'
import { Server } from '@modelcontextprotocol/server'
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio'

const server = new Server({ name: 'progress', version: '1' }, { capabilities: { tools: {} } })
/** What the client answers to each request that a server may make; the SDK would not even send them. */
const refusals = async (): Promise<unknown[]> => {
  const methods = ['sampling/createMessage', 'elicitation/create', 'roots/list', 'ping', 'no/such']
  const answers = methods.map(
    (method, n) =>
      new Promise((resolve) => {
        waiting.set(`ask-${n}`, resolve)
        process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id: `ask-${n}`, method, params: {} })}\n`)
      }),
  )
  return Promise.all(answers)
}
const waiting = new Map<unknown, (code: unknown) => void>()
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, error } = JSON.parse(line)
  waiting.get(id)?.(error?.code ?? 'answered')
})

server.setRequestHandler('tools/list', () => ({
  tools: ['report', 'count', 'ask'].map((name) => ({ name, inputSchema: { type: 'object' as const } })),
}))
server.setRequestHandler('tools/call', async ({ params }, { mcpReq }) => {
  if (params.name === 'ask') return { content: [{ type: 'text', text: JSON.stringify(await refusals()) }] }
  const progressToken = params._meta?.progressToken
  const progress = (report: object) =>
    mcpReq.notify({ method: 'notifications/progress', params: { progressToken, ...report } })
  const { reports = [], to = 0 } = (params.arguments ?? {}) as { reports?: object[]; to?: number }
  for (const report of reports) void progress(report)
  // Without waiting each would listen for room in the pipe, and take a minute to forget the others' listeners.
  for (let n = 1; n <= to; n += 1) await progress({ progress: n, total: to, message: `step ${n}` })
  return { content: [{ type: 'text', text: '"done"' }] }
})
await server.connect(new StdioServerTransport())
