/**
 * Packs `colloquy` and `@colloquy/client` as they were built, and has publint and "Are the types wrong?" judge what npm would get. Fails at
 * what they find.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../src/root.js'
import { installPackages } from './install-packages.js'
import { interrupted } from './interrupted.js'
import { run } from './run.js'

const signal = interrupted()
const root = fileURLToPath(packageRoot)

const folder = await mkdtemp(join(tmpdir(), 'colloquy-packages-'))
try {
  const modules = await installPackages('checkers', signal, console.log)
  const check = (name: string, args: string[]) =>
    run(process.execPath, [join(modules, '.bin', name), ...args], { cwd: folder, signal })
  for (const path of ['.', 'src/client']) {
    const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder]
    const packed = await run('npm', pack, { cwd: join(root, path), signal })
    const tarball = join(folder, packed.trim().split('\n').at(-1) ?? '')
    await check('publint', [tarball, '--strict'])
    // It is for those who write `import`, in Node or for a bundler.
    await check('attw', [tarball, '--profile', 'esm-only'])
    console.log(`${packed.trim()}: publint and "Are the types wrong?" find nothing`)
  }
} catch (error) {
  if (!signal.aborted) console.error(error)
  process.exitCode ??= 1
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
