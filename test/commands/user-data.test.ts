import { access, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { testApp, tokenOf } from '../helpers/app.js'
import { testFolder } from '../helpers/cluster.js'
import { listen } from '../helpers/listen.js'
import { runColloquy, runInTerminal, spawnColloquy } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'
import { until } from '../helpers/wait.js'

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
  const file = join(await testFolder(t), 'alice.ndjson')
  await writeFile(file, 'of before')
  const url = await listen(
    t,
    createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' })
      response.write('{"type":"export","cursor":"a"}\n')
    }),
  )
  const args = ['export', '--user', 'alice', '--file', file, '--url', url]
  const child = spawnColloquy(args, { env: { BETTER_AUTH_SECRET: SECRET } })
  const exists = (path: string) =>
    access(path).then(
      () => true,
      () => false,
    )
  await until(() => exists(`${file}.unfinished`), 'the export to begin')
  child.kill('SIGINT')
  const [code] = await new Promise<unknown[]>((resolve) => child.once('close', (...ended) => resolve(ended)))
  t.equal(code, 130, 'Ctrl-C ends it')
  t.notOk(await exists(`${file}.unfinished`), 'what was begun is gone')
  t.equal(await readFile(file, 'utf8'), 'of before', 'what was there is there')
})
