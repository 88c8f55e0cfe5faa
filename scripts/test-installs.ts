/**
 * Packs the program, which builds it, and installs it into empty folders with npm, yarn 1 and pnpm, on the oldest Node that it is for, and
 * starts it in each as a new user would, without arguments.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
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

/** Runs the installed command without arguments until it listens, asks it whether it is ready, and ends it. */
const start = async (cwd: string): Promise<void> => {
  const child = spawn(join(cwd, 'node_modules/.bin/colloquy'), [], {
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
    child.kill('SIGTERM')
  }
  const [code] = await ended
  clearTimeout(limit)
  if (status !== 200 || code !== 0) throw new Error(`It answers ${status} and ends with ${code}:\n${said}`)
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
    await start(cwd)
    console.log(`${name}: installs on Node ${NODE} without a warning, and starts`)
  }
} catch (error) {
  if (!signal.aborted) console.error(error)
  process.exitCode ??= 1
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
