/** A tool server that is a process, whose tools report progress: as they are told, or by counting. */
import { Server } from '@modelcontextprotocol/server'
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio'

const server = new Server({ name: 'progress', version: '1' }, { capabilities: { tools: {} } })
server.setRequestHandler('tools/list', () => ({
  tools: ['report', 'count'].map((name) => ({ name, inputSchema: { type: 'object' as const } })),
}))
server.setRequestHandler('tools/call', ({ params }, { mcpReq }) => {
  const progressToken = params._meta?.progressToken
  const progress = (report: object) =>
    void mcpReq.notify({ method: 'notifications/progress', params: { progressToken, ...report } })
  const { reports = [], to = 0 } = (params.arguments ?? {}) as { reports?: object[]; to?: number }
  for (const report of reports) progress(report)
  for (let n = 1; n <= to; n += 1) progress({ progress: n, total: to, message: `step ${n}` })
  return { content: [{ type: 'text', text: '"done"' }] }
})
await server.connect(new StdioServerTransport())
