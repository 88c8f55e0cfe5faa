/**
 * Packs the program, which builds it, and installs it into empty folders with npm, yarn 1 and pnpm, on the oldest Node that it is for, and
 * starts it in each as a new user would, without arguments; one of them judges it by `colloquy conformance`. Then an app with a fastify of its own registers the plugin.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startEmbedded } from '../src/embedded-postgres/start.js'
import { interrupted } from './interrupted.js'

const NODE = '20.19.0'
const signal = interrupted()
const root = fileURLToPath(new URL('../', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'colloquy-installs-'))
const tools = join(folder, 'tools', 'node_modules')
const bin = join(tools, `node-${process.platform}-${process.arch}`, 'bin')
const env = { ...process.env, NODE_ENV: '', DATABASE_URL: '', PATH: `${bin}${delimiter}${process.env.PATH}` }

/** Resolves with all that it said. */
const run = async (program: string, args: string[], cwd: string): Promise<string> => {
  const running = promisify(execFile)(program, args, { cwd, env, signal, timeout: 300_000 })
  const { stdout, stderr } = await running.catch((error) => {
    throw new Error(`${program} ${args.join(' ')}: ${error.message}\n${error.stdout}${error.stderr}`)
  })
  return stdout + stderr
}

/**
 * The embedded PostgreSQL's install script makes links that the program makes by itself, so nobody has to allow it. npm 11
 * mentions it, and pnpm ends with an error unless it is told so.
 */
const managers: [name: string, program: string, args: (tarball: string) => string[]][] = [
  [
    'npm',
    'npm',
    (tarball) => ['install', '--engine-strict', '--no-audit', '--no-fund', '--ignore-scripts', tarball],
  ],
  ['yarn 1', 'yarn', (tarball) => ['add', '--cache-folder', join(folder, 'yarn-cache'), `file:${tarball}`]],
  ['pnpm', 'pnpm', (tarball) => ['add', '--config.strict-dep-builds=false', '--ignore-scripts', tarball]],
]

const colloquy = (cwd: string) => join(cwd, 'node_modules/.bin/colloquy')

/** Judges the server by the installed `colloquy conformance`, with tokens of the installed `colloquy token`. */
const judge = async (url: string, cwd: string): Promise<void> => {
  const token = async (user: string) => (await run(colloquy(cwd), ['token', '--user', user], cwd)).trim()
  const tokens = ['--token-a', await token('alice'), '--token-b', await token('bob')]
  await run(colloquy(cwd), ['conformance', '--url', url, ...tokens, '--runs', '1'], cwd)
}

/** Runs the installed command without arguments until it listens, asks it whether it is ready, and ends it. */
const start = async (cwd: string, whileItRuns: (url: string) => Promise<void>): Promise<void> => {
  const child = spawn(colloquy(cwd), [], {
    cwd,
    env: { ...env, PORT: '0' },
    signal,
  })
  const limit = setTimeout(() => child.kill('SIGKILL'), 120_000)
  const ended = once(child, 'close')
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  let status: number | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    said += `${line}\n`
    const [, url] = /^Colloquy listens on (\S+)/.exec(line) ?? []
    if (!url) continue
    status = (await fetch(`${url}/health/ready`)).status
    await whileItRuns(url).finally(() => child.kill('SIGTERM'))
  }
  const [code] = await ended
  clearTimeout(limit)
  if (status !== 200 || code !== 0) throw new Error(`It answers ${status} and ends with ${code}:\n${said}`)
}

/** An app as a team writes it; it asks its chat once, says the answer and closes. */
const app = (load: string) => `${load}
const run = async () => {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Math.floor(Date.now() / 1000) + 60
  const input = encode({ alg: 'HS256' }) + '.' + encode({ sub: 'alice', exp })
  const secret = process.env.BETTER_AUTH_SECRET
  const token = input + '.' + createHmac('sha256', secret).update(input).digest('base64url')
  const app = Fastify()
  await app.register(colloquy, { databaseUrl: process.env.CHAT_DATABASE, prefix: '/chat' })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const answer = await fetch(url + '/chat/api/alice/chat', {
    method: 'POST',
    headers: { authorization: 'Bearer ' + token, 'content-type': 'application/json' },
    body: '{"message":"Hello"}',
  })
  console.log((await answer.json()).response)
  await app.close()
}
run()
`
const kinds: [file: string, load: (names: string, from: string) => string][] = [
  ['app.mjs', (names, from) => `import ${names} from '${from}'`],
  ['app.cjs', (names, from) => `const ${names} = require('${from}')`],
]

/** Registers the installed plugin in an app with a fastify of its own, as a module and with `require`. */
const mountInApp = async (cwd: string): Promise<void> => {
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', 'fastify@5.0.0'], cwd)
  const database = await startEmbedded({ dataDir: join(folder, 'data'), log: () => {} })
  try {
    for (const [file, load] of kinds) {
      const packages: [names: string, from: string][] = [
        ['{ createHmac }', 'node:crypto'],
        ['Fastify', 'fastify'],
        ['{ colloquy }', 'colloquy/fastify'],
      ]
      await writeFile(join(cwd, file), app(packages.map((each) => load(...each)).join('\n')))
      Object.assign(env, {
        CHAT_DATABASE: database.url,
        BETTER_AUTH_SECRET: 'a secret of more than thirty-two bytes',
      })
      const said = await run('node', [file], cwd)
      if (said !== 'Echo: Hello\n') throw new Error(`${file} says:\n${said}`)
    }
  } finally {
    await database.stop()
  }
}

try {
  const flags = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund']
  const names = [`node-${process.platform}-${process.arch}@${NODE}`, 'yarn@1.22.22', 'pnpm@12.21.0']
  await run('npm', ['install', '--prefix', join(folder, 'tools'), ...flags, ...names], root)
  env.PATH = `${bin}${delimiter}${join(tools, '.bin')}${delimiter}${process.env.PATH}`
  const packed = await run('npm', ['pack', '--silent', '--pack-destination', folder], root)
  const tarball = join(folder, packed.trim().split('\n').at(-1) ?? '')
  for (const [name, program, args] of managers) {
    const cwd = join(folder, name.replace(' ', '-'))
    await mkdir(cwd)
    await writeFile(
      join(cwd, 'package.json'),
      '{"name":"app","version":"1.0.0","license":"MIT","private":true}',
    )
    const said = await run(program, args(tarball), cwd)
    const warnings = said
      .split('\n')
      .filter((line) => /^\s*(?:npm )?warn(?:ing)?\b|\bengine\b|deprecated/i.test(line))
    if (warnings.length > 0) throw new Error(`${name} warns:\n${warnings.join('\n')}`)
    await start(cwd, async (url) => {
      if (name === 'npm') await judge(url, cwd)
    })
    console.log(`${name}: installs on Node ${NODE} without a warning, and starts`)
  }
  console.log('colloquy conformance: finds nothing wrong with the server that npm has installed')
  await mountInApp(join(folder, 'npm'))
  console.log('colloquy/fastify: an app with a fastify of its own registers it, and is answered')
} catch (error) {
  if (!signal.aborted) console.error(error)
  process.exitCode ??= 1
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
