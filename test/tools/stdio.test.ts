import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ToolError } from '../../src/tools/tool.js'
import { testFolder } from '../helpers/cluster.js'
import { until } from '../helpers/models.js'
import { builtProgram } from '../helpers/program.js'
import { placeholder, testTools, type UserTools } from '../helpers/tools.js'

const command = process.execPath
const args = [join(builtProgram(), 'test/helpers/stdio-server.js')]

const setUp = (t: Test, entry: object = {}, options: { connectMs?: number } = {}) => {
  const clock = { ms: 0 }
  const servers = { here: { command, args, ...entry } }
  const tools = testTools(t, servers, { maxResultBytes: 1_024, now: () => clock.ms, ...options })
  const pass = (ms: number) => {
    clock.ms += ms
  }
  return { tools, pass }
}

const lost = new ToolError('The tool server failed; it is not known whether the call was executed.')

const ask = async (tools: UserTools, name: string) => JSON.parse(String(await tools.call(name)))

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

t.test('one process serves everybody, and gets what the configuration gives it and no more', async (t) => {
  process.env.BETTER_AUTH_SECRET = 'k3pT-to-itself'
  process.env.CHAT_TOOLS_KEY = 'k3pT-to-itself'
  process.env.GIVEN = 'value'
  t.teardown(() => {
    for (const name of ['BETTER_AUTH_SECRET', 'CHAT_TOOLS_KEY', 'GIVEN']) delete process.env[name]
  })
  const env = { TOKEN: `a ${placeholder('GIVEN')}` }
  const { tools } = setUp(t, { env, args: [...args, `--of=${placeholder('GIVEN')}`], cwd: tmpdir() })
  const [alice, bob] = await Promise.all([tools.of('alice'), tools.of('bob')])
  t.equal(await ask(alice, 'pid'), await ask(bob, 'pid'), 'both users have the same process')
  t.same(await ask(alice, 'argv'), ['--of=value'], 'the arguments are those of the configuration')
  t.equal(await ask(alice, 'folder'), tmpdir(), 'and so is the working directory')
  const environment = await ask(alice, 'environment')
  t.equal(environment.token, 'a value', 'and so are the variables')
  const inherited = ['HOME', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'USER']
  t.same(
    environment.names.filter((name: string) => !['TOKEN', ...inherited].includes(name)),
    [],
    'of our own variables it gets only the common ones',
  )
})

t.test('a process that dies fails its calls, and is started again when it is needed', async (t) => {
  const { tools, pass } = setUp(t)
  const alice = await tools.of('alice')
  const first = await ask(alice, 'pid')
  const hanging = alice.call('hang')
  const dying = t.rejects(alice.call('die'), lost, 'the call that ends the process fails')
  await Promise.all([dying, t.rejects(hanging, lost, 'and so does one that was running')])
  const second = await ask(alice, 'pid')
  t.not(second, first, 'the next call has a new process')
  process.kill(second, 'SIGKILL')
  await until(() => !isRunning(second))
  t.same(
    (await tools.of('bob')).names.length,
    8,
    'the next turn has its tools although the process was killed',
  )
  const text = 'tool call lost: the server may or may not have executed it'
  const told = { server: 'here', reason: 'the connection was closed', text }
  t.same(tools.logged, [told, told], 'and nobody waits for it')

  const third = await ask(alice, 'pid')
  pass(300_000)
  t.not(await ask(alice, 'pid'), third, 'and ends when nobody has used it for five minutes')
  await until(() => !isRunning(third))
})

t.test('an answer that is too large ends the process, and nothing else', async (t) => {
  const { tools } = setUp(t)
  const alice = await tools.of('alice')
  const first = await ask(alice, 'pid')
  await t.rejects(alice.call('flood'), lost, 'the call fails')
  t.not(await ask(alice, 'pid'), first, 'the next one has a new process')
})

t.test('a process that hangs is cut, and replaced with the next list', async (t) => {
  const STOPPED = join(await testFolder(t), 'stopped')
  const { tools, pass } = setUp(t, { env: { STOPPED } }, { connectMs: 8_000 })
  const alice = await tools.of('alice')
  const first = await ask(alice, 'pid')
  const hanging = alice.call('hang')
  hanging.catch(() => {})
  const aborting = new AbortController()
  const call = alice.call('stop', {}, { signal: aborting.signal })
  await until(() => existsSync(STOPPED))
  const reason = new Error('enough')
  aborting.abort(reason)
  await t.rejects(call, reason, 'the call ends with the reason of its signal')
  pass(60_000)
  t.same((await tools.of('alice')).names, [], 'the turn goes without its tools')
  t.match(
    tools.logged,
    [{ server: 'here', reason: 'it took too long to list its tools' }],
    'the log gives the reason',
  )
  await t.rejects(hanging, lost, 'and nothing waits for it any more')
  await until(() => !isRunning(first))
  pass(10_000)
  t.not(await ask(await tools.of('alice'), 'pid'), first, 'the next list has a new process')
})

t.test('closing ends even a process that does not want to', async (t) => {
  const { tools } = setUp(t, { env: { STUBBORN: 'yes' } })
  const pid = await ask(await tools.of('alice'), 'pid')
  await tools.close()
  await until(() => !isRunning(pid))
  t.notOk(isRunning(pid), 'the process has ended')
})

t.test('a program that is not there', async (t) => {
  const { tools } = setUp(t, { command: 'no-such-program' })
  t.same((await tools.of('alice')).names, [], 'the turn goes without its tools')
  t.match(
    tools.logged,
    [{ server: 'here', reason: 'spawn no-such-program ENOENT' }],
    'the log gives the reason',
  )
})
