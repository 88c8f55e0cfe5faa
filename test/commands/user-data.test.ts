import { type ChildProcess, execFile } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, createReadStream } from 'node:fs'
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import t from 'tap'
import { testApp, tokenOf } from '../helpers/app.js'
import { testFolder } from '../helpers/cluster.js'
import { listen } from '../helpers/listen.js'
import { runColloquy, runInTerminal, spawnColloquy } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'
import { until } from '../helpers/wait.js'

/** The exit code of a command, and what it says on stderr until then. */
const endOf = async (child: ChildProcess) => {
  const [stderr, [code]] = await Promise.all([child.stderr ? text(child.stderr) : '', once(child, 'close')])
  return { code, stderr }
}

t.test('a user is exported, imported and erased from the command line', async (t) => {
  const { url, chat } = await testApp(t)
  const folder = await testFolder(t)
  const file = join(folder, 'alice.ndjson')
  await chat('Hello')
  const env = { BETTER_AUTH_SECRET: SECRET }
  const colloquy = (args: string[]) => runColloquy([...args, '--url', url], { env })

  const exported = await colloquy(['export', '--user', 'alice', '--file', file])
  t.same([exported.code, exported.stdout], [0, ''], 'export to a file')
  t.match(exported.stderr, /^Exported 6 lines, 0\.0 MB\.\n$/, 'says how much')
  const lines = (await readFile(file, 'utf8')).trim().split('\n')
  t.same(
    lines.map((line) => JSON.parse(line).type),
    ['export', 'conversation', 'message', 'message', 'usage', 'end'],
    'with all that there is',
  )
  const printed = await colloquy(['export', '--user', 'alice'])
  const withoutMoment = (text: string) => text.replace(/"as_of":"[^"]*"|"cursor":"[^"]*"/g, '')
  t.equal(withoutMoment(printed.stdout), withoutMoment(`${lines.join('\n')}\n`), 'or to standard output')

  const pipe = join(folder, 'pipe')
  await promisify(execFile)('mkfifo', [pipe])
  const [piped] = await Promise.all([
    text(createReadStream(pipe)),
    colloquy(['export', '--user', 'alice', '--file', pipe]),
  ])
  t.equal(withoutMoment(piped), withoutMoment(printed.stdout), 'or into a pipe, which stays one')

  const refused = await colloquy(['erase', '--user', 'alice', '--confirm', 'bob'])
  t.equal(refused.code, 1, 'nobody is erased by a slip')
  const erased = await colloquy(['erase', '--user', 'alice', '--confirm', 'alice'])
  t.match(JSON.parse(erased.stdout), { rows: { conversations: 1, messages: 2 } }, 'erase prints the receipt')

  const command = ['import', '--user', 'alice', '--file', file, '--url', url]
  const imported = await runInTerminal(command, { env })
  t.match(imported, /sending/, 'a terminal sees how far an import is')
  t.match(imported, /"conversations": \{/, 'and its report')
  const again = await colloquy(['import', '--user', 'alice', '--file', file])
  t.match(
    JSON.parse(again.stdout),
    { messages: { taken: 0, already_there: 2 } },
    'a second time adds nothing',
  )

  const byToken = {
    COLLOQUY_TOKEN: tokenOf('alice'),
    JWKS_URL: `${url}/none`,
    JWT_ISSUER: 'x',
    JWT_AUDIENCE: 'x',
  }
  const args = ['export', '--user', 'alice', '--url', url]
  t.equal((await runColloquy(args, { env: byToken })).code, 0, 'a token may be given')
  const { COLLOQUY_TOKEN: _, ...withoutToken } = byToken
  const lacking = await runColloquy(args, { env: withoutToken })
  t.match(
    lacking,
    { code: 1, stderr: /^COLLOQUY_TOKEN must be set/ },
    'and has to be, where none can be signed',
  )
})

t.test('an export that fails or is given up leaves no file, and one of before as it was', async (t) => {
  const folder = await testFolder(t)
  const file = join(folder, 'alice.ndjson')
  await writeFile(file, 'of before')
  const url = await listen(
    t,
    createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' })
      response.write('{"type":"export","cursor":"a"}\n')
    }),
  )
  const args = ['export', '--user', 'alice', '--file', file, '--url', url]
  const children = [1, 2].map(() => spawnColloquy(args, { env: { BETTER_AUTH_SECRET: SECRET } }))
  const unfinished = () =>
    readdir(folder).then((names) => names.filter((name) => name.endsWith('.unfinished')))
  await until(
    async () => (await unfinished()).length === 2,
    'two exports to begin, each with a file of its own',
  )
  for (const [index, child] of children.entries()) {
    const ended = endOf(child)
    // npm sends the terminal's Ctrl-C again.
    child.kill('SIGINT')
    child.kill('SIGINT')
    t.match(await ended, { code: 130, stderr: '' }, 'Ctrl-C ends it')
    t.equal((await unfinished()).length, 1 - index, 'what it had begun is gone')
  }
  t.equal(await readFile(file, 'utf8'), 'of before', 'what was there is there')
})

t.test('an import of a file that is not there, or changes, says so', async (t) => {
  const file = join(await testFolder(t), 'alice.ndjson')
  const url = await listen(
    t,
    createServer((request, response) => {
      if (request.method !== 'POST') return response.end('{}')
      appendFileSync(file, 'more')
      request.on('error', () => {}).resume()
    }),
  )
  const env = { BETTER_AUTH_SECRET: SECRET }
  const args = ['import', '--user', 'alice', '--file', file, '--url', url]
  const missing = await runColloquy(args, { env })
  t.match(missing, { code: 1, stdout: '' }, 'it fails')
  t.ok(missing.stderr.startsWith(`${file} cannot be read`), missing.stderr)
  // Longer than what the kernel takes before the server reads.
  await writeFile(file, '')
  await truncate(file, 30_000_000)
  const changed = `${file} has changed while it was sent.`
  t.match(await runColloquy(args, { env }), { code: 1, stderr: changed }, 'without a terminal')
  t.match(await runInTerminal(args, { env }), changed, 'on a terminal')
})

t.test('who does not know whether a user was erased is told', async (t) => {
  let requests = 0
  const url = await listen(
    t,
    createServer((request) => {
      requests += 1
      if (requests === 1) request.socket.destroy()
    }),
  )
  const env = { BETTER_AUTH_SECRET: SECRET }
  const args = (url: string) => ['erase', '--user', 'alice', '--confirm', 'alice', '--url', url]
  const unknown = /alice may have been erased all the same/
  t.match(
    await runColloquy(args(url), { env }),
    { code: 1, stdout: '', stderr: unknown },
    'a lost connection',
  )
  t.equal(requests, 1, 'it did not ask again, whose receipt would say that there was nothing')

  const child = spawnColloquy(args(url), { env })
  const ended = endOf(child)
  await until(() => requests > 1, 'another request')
  child.kill('SIGINT')
  t.match(await ended, { code: 130, stderr: unknown }, 'Ctrl-C')

  const gone = createServer().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const { port } = gone.address() as AddressInfo
  gone.close()
  const unreachable = await runColloquy(args(`http://127.0.0.1:${port}`), { env })
  t.match(unreachable.stderr, 'cannot be reached', 'without a server')
  t.notMatch(unreachable.stderr, unknown, 'nothing can have been erased')
})
