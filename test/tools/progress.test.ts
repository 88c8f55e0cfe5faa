import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ToolProgress } from '../../src/tools/tool.js'
import { type McpServerOptions, mcpServer } from '../helpers/mcp-server.js'
import { builtProgram } from '../helpers/program.js'
import { testTools, type UserTools } from '../helpers/tools.js'

type Report = Record<string, unknown>

const wires = ['2025', '2026', 'stdio'] as const

const serverOptions: McpServerOptions = {
  tools: ['report', 'count'].map((name) => ({ name, inputSchema: { type: 'object' } })),
  async call(name, { reports, to }, { progress }) {
    if (name === 'report') for (const report of reports) await progress(report)
    for (let n = 1; n <= to; n += 1) await progress({ progress: n, total: to, message: `step ${n}` })
    return { content: [{ type: 'text', text: '"done"' }] }
  },
}

const tools = async (t: Test, wire: (typeof wires)[number]): Promise<UserTools> => {
  const command = {
    command: process.execPath,
    args: [join(builtProgram(), 'test/helpers/progress-server.js')],
  }
  const server = wire === 'stdio' ? command : await mcpServer(t, { ...serverOptions, era: wire })
  return testTools(t, { x: 'url' in server ? { url: server.url } : server }).of('alice')
}

const callWith = async (tools: UserTools, name: string, args: object) => {
  const seen: ToolProgress[] = []
  const result = await tools.call(name, args, { onProgress: (progress) => seen.push(progress) })
  return { result, seen }
}

/** A server's report, and what becomes of it. */
const rows: [report: Report, progress: ToolProgress | undefined][] = [
  [{ progress: 0 }, { progress: 0 }],
  [
    { progress: 1, total: 4 },
    { progress: 1, total: 4 },
  ],
  [
    { progress: 0.5, total: 1, message: 'half of it' },
    { progress: 0.5, total: 1, message: 'half of it' },
  ],
  [{ progress: 2, total: 0 }, { progress: 2 }],
  [{ progress: 2, total: -1 }, { progress: 2 }],
  [{ progress: 2, message: '' }, { progress: 2 }],
  [
    { progress: 2, message: 'é'.repeat(5_000) },
    { progress: 2, message: 'é'.repeat(300) },
  ],
  [
    { progress: 3_000_000_000, total: 4_000_000_000 },
    { progress: 75, total: 100 },
  ],
  [{ progress: 4_000_000_000 }, undefined],
  [{ progress: 4_000_000_000, total: 10 }, undefined],
  [{ progress: -1 }, undefined],
]

/** Those that the SDK's servers do not send. */
const oddRows: [report: Report, progress: ToolProgress | undefined][] = [
  [{ progress: '1' }, { progress: 1 }],
  [{ progress: 'half', total: 4 }, undefined],
  [{ progress: null }, undefined],
  [{}, undefined],
  [{ progress: 1, total: null, message: null }, { progress: 1 }],
  [
    { progress: 1, total: '4', message: 7 },
    { progress: 1, total: 4 },
  ],
]

t.test('what a process asks of its client during a call is refused, and the call goes on', async (t) => {
  const asked = await (await tools(t, 'stdio')).call('ask')
  t.equal(asked, '[-32601,-32601,-32601,"answered",-32601]', 'all but a ping are unknown methods')
})

for (const wire of wires) {
  t.test(`${wire}: a call is told its progress as the contract has it`, async (t) => {
    const alice = await tools(t, wire)
    for (const [report, progress] of wire === 'stdio' ? [...rows, ...oddRows] : rows) {
      const { result, seen } = await callWith(alice, 'report', { reports: [report] })
      const what = JSON.stringify(report).slice(0, 60)
      t.same([result, seen], ['"done"', progress ? [progress] : []], what)
    }
    const foreign = { reports: [{ progress: 1, progressToken: 123_456 }, { progress: 2 }] }
    t.same((await callWith(alice, 'report', foreign)).seen, [{ progress: 2 }], 'of no other call')
    const asText = async () => {
      const reports = [{ progress: 1 }]
      return (await Promise.all([1, 2].map(() => callWith(alice, 'report', { reports })))).map(
        ({ seen }) => seen,
      )
    }
    t.same(await asText(), [[{ progress: 1 }], [{ progress: 1 }]], 'two calls at once are told apart')
    t.equal(await alice.call('count', { to: 3 }), '"done"', 'a call without a listener is made as ever')
  })

  t.test(`${wire}: a flood of notifications takes nothing from the result`, async (t) => {
    const alice = await tools(t, wire)
    // More bytes than a response may have, which is two mebibytes.
    const { result, seen } = await callWith(alice, 'count', { to: 20_000 })
    t.equal(result, '"done"', 'the result arrives')
    t.match(seen.at(-1), { progress: 20_000, total: 20_000 }, 'after the last notification')
    t.equal(await alice.call('report', { reports: [] }), '"done"', 'the connection lives on')
  })
}
