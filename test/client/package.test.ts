import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/root.js'
import { testApp, tokenOf } from '../helpers/app.js'
import { copyClient } from '../helpers/client-copy.js'

const root = fileURLToPath(packageRoot)
const tsc = join(root, 'node_modules/typescript/bin/tsc')

const folderOf = async (t: Test): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'colloquy-package-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}
/** Runs a program; what it said is in the error. */
const run = async (file: string, args: string[], cwd: string, env: Record<string, string> = {}) => {
  const running = promisify(execFile)(file, args, { cwd, env: { ...process.env, ...env }, timeout: 120_000 })
  const { stdout } = await running.catch((error) => {
    throw new Error(`${file} ${args.join(' ')}: ${error.stdout}${error.stderr}`)
  })
  return stdout
}

/** The package as it would be published, built in a copy: other tests read these folders meanwhile. */
const pack = async (t: Test) => {
  const copy = await folderOf(t)
  const said = await run('npm', ['pack', '--json', '--pack-destination', copy], await copyClient(copy))
  const [{ filename, files }] = JSON.parse(said.slice(said.indexOf('[')))
  return {
    said,
    tarball: join(copy, filename),
    files: files.map(({ path }: { path: string }) => path) as string[],
  }
}

const program = `
import { ColloquyError, createChatTransport, createClient } from '@colloquy/client'

const { URL_OF_CHAT: url = '', TOKEN: token = '' } = process.env
const client = createClient({ url, userId: 'alice', token: async () => token })

const { conversation_id, response } = await client.createTurn({ message: 'Hello' })
let streamed = ''
for await (const event of client.streamNewTurn({ conversation_id, message: 'And then?' })) {
  if (event.type === 'text-delta') streamed += event.delta
}
const contents: string[] = []
for await (const message of client.listMessages({ conversation_id, limit: 1 })) contents.push(message.content)
const paths: string[] = []
try {
  await client.updateConversation({ conversation_id, title: '' })
} catch (error) {
  if (!(error instanceof ColloquyError)) throw error
  switch (error.code) {
    case 'validation-failed':
      paths.push(...error.problem.errors?.map(({ path }) => path) ?? [], String(error.status satisfies 422))
      break
    case 'unreachable':
      error.status satisfies 0
      break
    default:
      throw error
  }
}
const transport = createChatTransport({ client, conversationId: conversation_id })
const loaded = (await transport.loadMessages()).map(({ role }) => role)
console.log(JSON.stringify({ response, streamed, contents, paths, loaded }))
`

t.test('the package is the client alone: an app installs it offline, compiles and runs', async (t) => {
  const { said, tarball, files } = await pack(t)
  const [, bytes = ''] = /(\d+) bytes gzipped/.exec(said) ?? []
  t.ok(
    Number(bytes) > 1_000 && Number(bytes) <= 10_240,
    `the build says what it weighs: ${bytes} bytes gzipped`,
  )
  const foreign = files.filter((path) => !/^(dist|README\.md$|package\.json$)/.test(path))
  t.same(foreign, [], 'the package has its build, its guide and nothing else')
  t.same(
    files.filter((path) => path.endsWith('.js')),
    ['dist/index.js'],
    'its code is one module',
  )

  const app = await folderOf(t)
  await writeFile(join(app, 'package.json'), JSON.stringify({ type: 'module', private: true }))
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], app)
  const lock = JSON.parse(await readFile(join(app, 'package-lock.json'), 'utf8'))
  t.same(Object.keys(lock.packages), ['', 'node_modules/@colloquy/client'], 'one package is installed')
  t.same(
    (await readdir(join(app, 'node_modules'))).filter((name) => !name.startsWith('.')),
    ['@colloquy'],
    'and nothing beside it',
  )
  const code = await readFile(join(app, 'node_modules/@colloquy/client/dist/index.js'), 'utf8')
  t.notMatch(
    code,
    /^import |\bimport\(|\b(process|Buffer|require)\b/m,
    'it imports nothing, and nothing of Node',
  )

  await writeFile(join(app, 'main.ts'), `declare const process: { env: Record<string, string> }\n${program}`)
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    target: 'es2022',
    module: 'nodenext',
    lib: ['es2023', 'dom', 'dom.iterable'],
    types: [],
  }
  await writeFile(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }))
  await t.resolves(run(process.execPath, [tsc], app), "it compiles, and finds no fault in the client's types")
  const { url } = await testApp(t)
  const env = { URL_OF_CHAT: `${url}/`, TOKEN: tokenOf('alice') }
  t.same(
    JSON.parse(await run(process.execPath, ['main.js'], app, env)),
    {
      response: 'Echo: Hello',
      streamed: 'Echo: And then?',
      contents: ['Hello', 'Echo: Hello', 'And then?', 'Echo: And then?'],
      paths: ['/body/title', '422'],
      loaded: ['user', 'assistant', 'user', 'assistant'],
    },
    'and it runs against a server',
  )
})

t.test('the server brings neither the client nor what it never loads', async (t) => {
  const shown = await run(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--showConfig'], root)
  const { compilerOptions, files } = JSON.parse(shown) as { compilerOptions: object; files: string[] }
  t.ok(files.includes('./src/main.ts'), 'the server is built')
  t.same(
    files.filter((path) => path.startsWith('./src/client')),
    [],
    'the client is not built into it',
  )
  t.notMatch(compilerOptions, { sourceMap: true }, 'it has no source maps, whose sources would be missing')
  t.notMatch(compilerOptions, { declaration: true }, 'it has no types, which nobody can import')
})
