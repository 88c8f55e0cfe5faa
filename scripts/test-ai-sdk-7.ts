/**
 * Tests the client with the AI SDK 7 and React 19, on Node 22, which that needs. Installs all of it into a temporary folder, and runs
 * the tests that use the AI SDK, with its packages in the place of the project's own.
 */
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../src/root.js'
import { interrupted } from './interrupted.js'
import { createRunner } from './runner.js'

const root = fileURLToPath(packageRoot)
const tests = ['guide', 'reload', 'use-chat', 'weather'].map((name) => `test/client/${name}.test.ts`)

const signal = interrupted()
const { run, installNode } = createRunner(signal)

/** The names of the packages in a node_modules folder. */
const packagesOf = async (folder: string): Promise<string[]> => {
  const names = await readdir(folder)
  const nested = names.map(async (name) =>
    name.startsWith('@') ? (await readdir(join(folder, name))).map((inner) => join(name, inner)) : [name],
  )
  return (await Promise.all(nested)).flat()
}

/** Makes a node_modules that has the project's packages, but for those that the other folder names as its own. */
const overlay = async (folder: string, other: string): Promise<string> => {
  const { dependencies } = JSON.parse(await readFile(join(other, 'package.json'), 'utf8'))
  const modules = join(folder, 'node_modules')
  for (const name of await packagesOf(join(root, 'node_modules'))) {
    const target = join(name in dependencies ? other : root, 'node_modules', name)
    await mkdir(join(modules, name, '..'), { recursive: true })
    await symlink(target, join(modules, name))
  }
  return modules
}

const folder = await mkdtemp(join(tmpdir(), 'colloquy-ai-sdk-'))
try {
  // Tests that run a program as another user need access to this `node`.
  await chmod(folder, 0o755)
  const bin = await installNode(folder, '22')
  const sdk = join(folder, 'sdk')
  await cp(join(root, 'scripts/ai-sdk-7'), sdk, { recursive: true })
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }
  const flags = ['--ignore-scripts', '--engine-strict=false', '--no-audit', '--no-fund', '--loglevel=error']
  if ((await run('npm', ['ci', ...flags], { cwd: sdk, env })) !== 0) throw new Error('npm cannot install it.')
  const modules = await overlay(folder, sdk)
  process.exitCode = await run(join(bin, 'node'), ['--import', 'tsx', 'scripts/test.ts', ...tests], {
    cwd: root,
    env: { ...env, COLLOQUY_TEST_PACKAGES: modules },
  })
} catch (error) {
  if (!signal.aborted) console.error(error)
  process.exitCode ??= 1
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
