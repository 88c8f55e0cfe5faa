import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { writePluginTypes } from '../../scripts/plugin-types.js'
import { packageRoot } from '../../src/root.js'
import { tokenOf } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { codeBlocks, folderWith, tsconfig } from '../helpers/guide.js'
import { builtProgram } from '../helpers/program.js'
import { SECRET } from '../helpers/tokens.js'

const root = fileURLToPath(packageRoot)
const [example = ''] = await codeBlocks('src/plugin/README.md', 'ts')

/** Apps with other servers, loggers and type providers; what must not compile is marked. */
const apps = `
import Fastify, { type FastifyInstance, type FastifyTypeProvider } from 'fastify'
import { pino } from 'pino'
import { register, Registry } from 'prom-client'
import { type ColloquyOptions, colloquy } from 'colloquy/fastify'

interface Schemas extends FastifyTypeProvider {
  validator: this['schema']
}
const options: ColloquyOptions = { databaseUrl: process.env.DATABASE_URL, model: ['openai/a', 'echo'], env: process.env }
Fastify().register(colloquy)
Fastify().register(colloquy, options)
Fastify().register(colloquy, { ...options, prefix: '/chat', logLevel: 'warn' })
Fastify({ loggerInstance: pino() }).register(colloquy, { titles: 'model', documents: true })
Fastify().register(colloquy, { metrics: register, metricsToken: 'a-token-of-the-scraper' })
Fastify().register(colloquy, { metrics: new Registry() })
Fastify({ http2: true }).register(colloquy, { leaseMs: 20_000 })
Fastify({ https: {} }).register(colloquy, options)
Fastify({ http2: true, https: {}, loggerInstance: pino() }).register(colloquy, options)
Fastify().withTypeProvider<Schemas>().register(colloquy, options)
await Fastify().register(colloquy, options)
const plugin = async (app: FastifyInstance) => void (await app.register(colloquy, { prefix: '/x' }))
void plugin
// @ts-expect-error a misspelt option
Fastify().register(colloquy, { databseUrl: 'x' })
// @ts-expect-error a value of another type
Fastify().register(colloquy, { leaseMs: '20s' })
// @ts-expect-error no plugin of this app
void colloquy({}, {})
`

t.test(
  'the guide and apps of many kinds compile in strict mode, with the types of the package',
  async (t) => {
    const folder = await folderWith(t, {
      'example.ts': example,
      'apps.ts': apps,
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          ...tsconfig.compilerOptions,
          exactOptionalPropertyTypes: true,
          noUncheckedIndexedAccess: true,
          paths: { 'colloquy/fastify': ['./types/index.d.ts'] },
        },
        include: ['*'],
      }),
    })
    await writePluginTypes(join(folder, 'types'))
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const { stdout } = await promisify(execFile)(process.execPath, [tsc], { cwd: folder }).catch(
      (error) => error,
    )
    t.equal(stdout, '', 'the compiler has nothing to say')
  },
)

t.test('the example answers its own requests and the chat’s', async (t) => {
  const { url: databaseUrl } = await testDatabase(t)
  const program = builtProgram()
  const file = join(program, `guide-${process.pid}.ts`)
  const code = example
    .replace("'colloquy/fastify'", "'./src/plugin/index.js'")
    .replace('port: 3001', 'port: 0')
  t.not(code, example, 'it runs on this program, on a free port')
  await writeFile(file, code)
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    cwd: program,
    env: { ...process.env, DATABASE_URL: databaseUrl, BETTER_AUTH_SECRET: SECRET, CHAT_MODEL: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  let url = ''
  for await (const line of createInterface({ input: child.stdout })) {
    url = /"msg":"Server listening at (http:\/\/127[^"]+)"/.exec(line)?.[1] ?? ''
    if (url) break
  }
  t.same(await (await fetch(`${url}/api/alice/tasks`)).json(), [{ title: 'Water the plants' }], 'the app')
  const headers = { authorization: `Bearer ${tokenOf('alice')}`, 'content-type': 'application/json' }
  const answer = await fetch(`${url}/api/alice/chat`, {
    method: 'POST',
    headers,
    body: '{"message":"Hello"}',
  })
  t.match(await answer.json(), { response: 'Echo: Hello' }, 'the chat')
})
