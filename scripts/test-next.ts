/**
 * Tests the example app in a real Chromium: installs and builds a copy of test/examples/next, starts it beside a Colloquy on a
 * PostgreSQL that both use, and does what its users do. The last line has the numbers of what was checked.
 */
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startEmbedded } from '../src/embedded-postgres/start.js'
import { packageRoot } from '../src/root.js'
import { copyClient } from '../test/helpers/client-copy.js'
import { createScope, type Scope } from '../test/helpers/scope.js'
import { startServer } from './bench/server.js'
import { createCountedChecks } from './counted-checks.js'
import { freePort } from './free-port.js'
import { interrupted } from './interrupted.js'
import { scriptedModel } from './next/model.js'
import { tryUsers } from './next/users.js'
import { run as runProgram } from './run.js'

const signal = interrupted()
const { check, run } = createCountedChecks(signal)
const example = 'test/examples/next'
/** On a busy machine; both take a minute on one that is not. */
const boundMs = 600_000
const notCopied = /\/(node_modules|\.next|\.env)$/

/** A clone's example, installed and built as its README says. */
const buildExample = async (folder: string, env: Record<string, string>): Promise<string> => {
  const clone = join(folder, 'clone')
  const cwd = join(clone, example)
  await mkdir(clone)
  const client = await copyClient(clone)
  const source = fileURLToPath(new URL(example, packageRoot))
  await cp(source, cwd, { recursive: true, filter: (path) => !notCopied.test(path) })
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  await runProgram('npm', ['run', '--silent', 'build'], { cwd: client, signal, boundMs })
  await runProgram('npm', ['ci', ...flags], { cwd, signal, boundMs })
  await runProgram('npm', ['run', '--silent', 'build'], { cwd, signal, env, boundMs })
  return cwd
}

const startBoth = async (scope: Scope, folder: string) => {
  const model = await scriptedModel(scope)
  const database = await startEmbedded({ dataDir: join(folder, 'data'), settings: { fsync: 'off' } })
  scope.teardown(database.stop)
  const port = await freePort()
  const appUrl = `http://127.0.0.1:${port}`
  const colloquy = await startServer(
    {
      program: ['--import', 'tsx', 'src/main.ts', 'serve'],
      env: {
        DATABASE_URL: database.url,
        BETTER_AUTH_URL: appUrl,
        // Tokens of the app are the only ones.
        BETTER_AUTH_SECRET: '',
        CHAT_CORS_ORIGINS: appUrl,
        CHAT_MODEL: 'openai-compatible/scripted',
        OPENAI_COMPATIBLE_BASE_URL: model.url,
      },
    },
    { folder, signal },
  )
  scope.teardown(colloquy.stop)
  const env = {
    DATABASE_URL: database.url,
    BETTER_AUTH_URL: appUrl,
    BETTER_AUTH_SECRET: 'a secret of the example app alone',
    NEXT_PUBLIC_CHAT_URL: colloquy.url,
    NEXT_TELEMETRY_DISABLED: '1',
  }
  const cwd = await buildExample(folder, env)
  const program = ['node_modules/next/dist/bin/next', 'start', '--hostname', '127.0.0.1', '--port', `${port}`]
  const app = await startServer(
    { program, cwd, env, listening: /Local:\s+(http:\S+)[\s\S]*Ready in/ },
    { folder, signal },
  )
  scope.teardown(app.stop)
  return { appUrl, model }
}

await run('next', async (folder) => {
  const scope = createScope()
  try {
    const { appUrl, model } = await startBoth(scope, folder)
    await tryUsers(scope, { url: appUrl, model, check })
  } finally {
    await scope.end()
  }
})
