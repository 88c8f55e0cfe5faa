import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
// Read ahead, since reading it counts toward the limits.
import '../../src/tools/mcp/client.js'
import { testFolder } from '../helpers/cluster.js'
import { until } from '../helpers/models.js'
import { builtProgram } from '../helpers/program.js'
import { testTools } from '../helpers/tools.js'

// They wait for the grace that a stubborn server is given, each for its own.
t.jobs = 3
const atOnce = { buffered: true }

/** A tool server in a few lines, so that it starts at once; `stubborn` ends by nothing but SIGKILL. */
const program = (kind: 'plain' | 'stubborn' | 'mute') => `
  ${kind === 'plain' ? "process.stdin.on('end', () => process.exit())" : "process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6)"}
  process.stderr.write('pid ' + process.pid + '\\n')
  if (process.env.PID_FILE) require('node:fs').writeFileSync(process.env.PID_FILE, String(process.pid))
  const text = (text) => ({ content: [{ type: 'text', text }] })
  const results = {
    initialize: () => ({
      protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'x', version: '1' },
    }),
    'tools/list': () => ({ tools: [{ name: 'pid', inputSchema: { type: 'object' } }] }),
    'tools/call': () => text(String(process.pid)),
  }
  ${kind === 'mute' ? 'process.stdin.resume()' : ''}
  if (${kind !== 'mute'}) require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method } = JSON.parse(line)
    if (results[method]) console.log(JSON.stringify({ jsonrpc: '2.0', id, result: results[method]() }))
  })`

/** As npx does it: a shell that waits for the server that it has started. */
const wrapped = (kind: Parameters<typeof program>[0]) => ({
  command: 'sh',
  args: ['-c', '"$0" -e "$1"; true', process.execPath, program(kind)],
})

/** Whether a process runs: one that has ended and was not waited for by its parent does not. */
const isRunning = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

for (const kind of ['plain', 'stubborn'] as const) {
  t.test(`closing ends a ${kind} server that a wrapper has started`, atOnce, async (t) => {
    const tools = testTools(t, { here: wrapped(kind) })
    const pid = Number(await (await tools.of('alice')).call('pid'))
    t.ok(isRunning(pid), 'it runs')
    await tools.close()
    t.notOk(isRunning(pid), 'it is gone when close() says so')
  })
}

t.test('so does an idle server', atOnce, async (t) => {
  const clock = { ms: 0 }
  const tools = testTools(t, { here: wrapped('stubborn') }, { now: () => clock.ms })
  const pid = Number(await (await tools.of('alice')).call('pid'))
  clock.ms += 300_000
  t.not(Number(await (await tools.of('alice')).call('pid')), pid, 'the next use has another process')
  await until(() => !isRunning(pid))
})

t.test('a server whose wrapper was killed goes with it', atOnce, async (t) => {
  const tools = testTools(t, { here: wrapped('stubborn') })
  const alice = await tools.of('alice')
  const pid = Number(await alice.call('pid'))
  const [, wrapper = ''] = /\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
  process.kill(Number(wrapper), 'SIGKILL')
  await until(() => !isRunning(pid))
  // A call that finds it gone fails; the next one has another.
  const next = async () => Number(await alice.call('pid').catch(() => pid))
  await until(async () => (await next()) !== pid)
  t.notOk(isRunning(pid), 'it is gone')
})

/** A process that has opened the tools of a stubborn server; gives the server's pid once that has started. */
const owner = async (t: Test, kind: 'stubborn' | 'mute', then: string) => {
  const url = (path: string) => JSON.stringify(pathToFileURL(join(builtProgram(), path)).href)
  const code = `
    import { createToolRegistry } from ${url('src/tools/registry.js')}
    import { parseToolServers } from ${url('src/tools/mcp/parse-servers.js')}
    const here = ${JSON.stringify(wrapped(kind))}
    const tools = createToolRegistry({
      servers: parseToolServers(JSON.stringify({ mcpServers: { here } }), () => undefined),
      keys: [], maxResultBytes: 1024, log: { warn() {} }, stderr: 'inherit', connectMs: 60_000,
    })
    const opening = tools.open('alice', new AbortController().signal)
    process.stdin.once('data', async () => { ${then} })`
  const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  let pid = 0
  if (child.stderr) {
    for await (const line of createInterface({ input: child.stderr })) {
      pid = Number(/^pid (\d+)$/.exec(line)?.[1] ?? 0)
      if (pid > 0) break
    }
  }
  t.teardown(() => isRunning(pid) && process.kill(pid, 'SIGKILL'))
  child.stdin?.write('go\n')
  return { pid, exited }
}

const ends = {
  'by an uncaught error': 'await opening; setImmediate(() => { throw new Error("unforeseen") })',
  'by process.exit': 'await opening; process.exit(3)',
  'while the server is being started': 'process.exit(3)',
}
for (const [how, then] of Object.entries(ends)) {
  t.test(`a process that ends ${how} leaves no server behind`, atOnce, async (t) => {
    const { pid, exited } = await owner(t, how.startsWith('while') ? 'mute' : 'stubborn', then)
    t.ok(pid > 0, 'the server was started')
    await exited
    await until(() => !isRunning(pid))
  })
}

t.test('a server that never answers is ended, with what it has started', atOnce, async (t) => {
  const PID_FILE = join(await testFolder(t), 'pid')
  const entry = wrapped('mute')
  const tools = testTools(t, { here: { ...entry, env: { PID_FILE } } }, { connectMs: 3_000 })
  t.same((await tools.of('alice')).names, [], 'its turn goes without tools')
  await tools.close()
  const pid = Number(readFileSync(PID_FILE, 'utf8'))
  t.ok(pid > 0, 'it was started')
  t.notOk(isRunning(pid), 'it is gone')
})
