import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../src/root.js'
import { run } from './run.js'

/**
 * Installs the packages that `scripts/<folder>/package.json` pins into a cache of their own, which a later run finds, and
 * resolves with their node_modules. Some declare Node 22, but run on 20 as well.
 */
export const installPackages = async (
  folder: string,
  signal: AbortSignal,
  progress: (text: string) => void,
): Promise<string> => {
  const source = fileURLToPath(new URL(`scripts/${folder}/`, packageRoot))
  const cache = fileURLToPath(new URL(`node_modules/.cache/colloquy-${folder}/`, packageRoot))
  const lock = await readFile(join(source, 'package-lock.json'))
  const name = createHash('sha256').update(lock).digest('hex').slice(0, 16)
  const installed = join(cache, name)
  const modules = join(installed, 'node_modules')
  if (existsSync(installed)) return modules
  progress(`installing the packages of scripts/${folder}, once; it may take a minute or two`)
  const unfinished = join(cache, `${name}-${process.pid}`)
  await mkdir(unfinished, { recursive: true })
  try {
    for (const file of ['package.json', 'package-lock.json'])
      await cp(join(source, file), join(unfinished, file))
    const flags = ['--ignore-scripts', '--engine-strict=false', '--no-audit', '--no-fund', '--loglevel=error']
    await run('npm', ['ci', ...flags], { cwd: unfinished, signal, boundMs: 300_000 })
    // Whoever was faster has the same.
    await rename(unfinished, installed).catch((error: unknown) => {
      if (!existsSync(installed)) throw error
    })
  } finally {
    await rm(unfinished, { recursive: true, force: true, maxRetries: 5 })
  }
  for (const other of await readdir(cache)) {
    if (!other.startsWith(name)) await rm(join(cache, other), { recursive: true, force: true, maxRetries: 5 })
  }
  return modules
}
