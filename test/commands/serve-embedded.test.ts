import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { identify, isAlive } from '../../src/embedded-postgres/process.js'
import { migratedFolder, testFolder } from '../helpers/cluster.js'
import { runColloquy, type ServerProcess, spawnColloquy, startServer } from '../helpers/server.js'
import { until } from '../helpers/wait.js'

const dataDirOf = async (t: Test) => join(await testFolder(t), 'data')

/** What a shell prints when the user pastes this. */
const paste = async (command: string) => {
  const shell = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'] })
  return text(shell.stdout)
}

const printedCurl = (server: ServerProcess) => server.printed(/^curl -s (?:.*\n){1,3} {2}-d '.*'$/m)

/** The PostgreSQL of this data folder; a name that stays its own when the pid is given to another process. */
const postmaster = async (dataDir: string): Promise<string> => {
  const pid = (await readFile(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8')).split('\n')[0]
  const identity = identify(Number(pid))
  if (!identity) throw new Error(`there is no process ${pid}`)
  return identity
}

t.test('with nothing set: the printed curl works when pasted, and all of it survives a kill', async (t) => {
  const env = { DATA_DIR: await dataDirOf(t) }
  const first = await startServer(t, { env })
  const curl = await printedCurl(first)
  for (const path of ['/', '/docs', '/docs/guides'])
    t.match(first.output(), ` ${first.url}${path}\n`, `it names ${path}`)
  const begun = JSON.parse(await paste(curl))
  t.match(
    begun,
    { conversation_id: String, response: 'Echo: Hello', tool_calls: [] },
    'the printed command is answered',
  )
  const again = JSON.stringify({ conversation_id: begun.conversation_id, message: 'And again' })
  const next = JSON.parse(await paste(curl.replace(/-d '.*'/, `-d '${again}'`)))
  t.match(
    next,
    { conversation_id: begun.conversation_id, response: 'Echo: And again' },
    'and so is a second one in its conversation',
  )
  const orphan = await postmaster(env.DATA_DIR)
  await first.end('SIGKILL')
  t.ok(isAlive(orphan), 'the kill leaves PostgreSQL as it was')

  const second = await startServer(t, { env })
  t.notOk(isAlive(orphan), 'the next start ends it')
  const oldToken = /Bearer [^']+/.exec(curl)?.[0] ?? ''
  const list = await fetch(`${second.url}/api/demo/conversations/${begun.conversation_id}/messages`, {
    headers: { authorization: oldToken },
  })
  const { data } = (await list.json()) as { data: { position: number; content: string }[] }
  t.same(
    data.map(({ position, content }) => [position, content]),
    [
      [1, 'Hello'],
      [2, 'Echo: Hello'],
      [3, 'And again'],
      [4, 'Echo: And again'],
    ],
    'the old token reads the old messages',
  )
})

t.test('a signal ends server and PostgreSQL, whatever connections are open', async (t) => {
  const env = { DATA_DIR: await migratedFolder(t) }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const server = await startServer(t, { env })
    const running = await postmaster(env.DATA_DIR)
    // As a browser opens one in advance; it has nothing to wait for.
    const spare = connect(Number(new URL(server.url).port), '127.0.0.1')
    await once(spare, 'connect')
    server.child.kill(signal)
    await server.printed(/"signal":"SIG.*shutting down/)
    // The terminal or a service manager sends it to the whole group, and npm passes its own on.
    server.child.kill(signal)
    t.equal(await server.ended, 0, signal)
    t.notOk(isAlive(running), 'PostgreSQL has ended')
    t.notMatch(server.output(), /"level":(40|50|60)/, 'without a warning')
    spare.destroy()
  }
})

t.test('a signal during the first start leaves nothing behind', async (t) => {
  const DATA_DIR = await dataDirOf(t)
  const child = spawnColloquy(['serve'], { env: { DATA_DIR, PORT: '0' } })
  const [output, errors] = [text(child.stdout as Readable), text(child.stderr as Readable)]
  const closed = once(child, 'close')
  const pidFile = join(DATA_DIR, 'postgres/data/postmaster.pid')
  await until(() => existsSync(pidFile), 'PostgreSQL to start')
  child.kill('SIGTERM')
  t.same(await closed, [0, null], 'the server ends without an error')
  t.match(await output, /creating a PostgreSQL/, 'the signal came during the first start')
  t.equal(await errors, '', 'stderr is empty')
  await t.rejects(postmaster(DATA_DIR), { code: 'ENOENT' }, 'PostgreSQL has ended')
})

t.test('a PostgreSQL that dies takes the server along, with an exit code that says so', async (t) => {
  const env = { DATA_DIR: await migratedFolder(t) }
  const server = await startServer(t, { env })
  process.kill(Number.parseInt(await postmaster(env.DATA_DIR), 10), 'SIGQUIT')
  t.equal(await server.ended, 1, 'the server ends with an error')
  t.match(server.output(), /"level":60.*PostgreSQL exited unexpectedly/, 'the log gives the reason')
})

t.test('a busy PORT is said in words, and PostgreSQL does not stay behind', async (t) => {
  const busy = createServer().listen(0, '127.0.0.1')
  t.teardown(() => busy.close())
  await once(busy, 'listening')
  const PORT = String((busy.address() as { port: number }).port)
  const DATA_DIR = await migratedFolder(t)
  const { code, stderr } = await runColloquy(['serve'], { env: { DATA_DIR, PORT } })
  t.equal(code, 1, 'the start fails')
  t.equal(
    stderr,
    `PORT ${PORT} is in use by another program (on 127.0.0.1): stop that program, or choose a free one with PORT or --port.\n`,
    'stderr says what to do',
  )
  await t.rejects(postmaster(DATA_DIR), { code: 'ENOENT' }, 'PostgreSQL has ended')
})
