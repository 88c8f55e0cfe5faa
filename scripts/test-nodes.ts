/**
 * Runs the tests with other versions of Node: `npm run test:nodes -- [arguments of scripts/test.ts]`, or with other
 * versions `node --import tsx scripts/test-nodes.ts 22 24 [arguments]`. Installs each version from npm into a temporary
 * folder. Fails when the tests fail with any of them.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../src/root.js'
import { interrupted } from './interrupted.js'
import { createRunner } from './runner.js'

const signal = interrupted()
const { run, installNode } = createRunner(signal)

const testWith = async (bin: string, args: string[]): Promise<number> => {
  const node = join(bin, 'node')
  await run(node, ['--version'])
  return run(node, ['--import', 'tsx', 'scripts/test.ts', ...args], {
    cwd: fileURLToPath(packageRoot),
    // Programs in node_modules/.bin find `node` through PATH.
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
  })
}

const args = process.argv.slice(2)
const isVersion = (text: string) => /^\d+(\.\d+){0,2}$/.test(text)
const rest = args.findIndex((text) => !isVersion(text))
const versions = rest < 0 ? args : args.slice(0, rest)
const folder = await mkdtemp(join(tmpdir(), 'colloquy-nodes-'))
try {
  if (versions.length === 0) throw new Error('Name the versions of Node first, for example 22 24.')
  // Tests that run a program as another user need access to this `node`.
  await chmod(folder, 0o755)
  const results: string[] = []
  for (const version of versions) {
    const code = await testWith(await installNode(folder, version), rest < 0 ? [] : args.slice(rest))
    results.push(`Node ${version}: ${code === 0 ? 'passed' : `failed (exit code ${code})`}`)
    if (code !== 0) process.exitCode = 1
  }
  console.log(results.join('\n'))
} catch (error) {
  if (!signal.aborted) console.error(error)
  process.exitCode ??= 1
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
