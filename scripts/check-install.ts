/**
 * Prints what an install of the package brings, in packages and megabytes, and fails when it is more than the limits say, or
 * when a package of it wants a newer Node than ours. It counts what the lockfile names, in this machine's node_modules.
 */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MAX_PACKAGES = 120
/** without the embedded PostgreSQL, which is optional */
const MAX_MEGABYTES = 65

interface Locked {
  dev?: boolean
  devOptional?: boolean
  optional?: boolean
  link?: boolean
  engines?: { node?: string }
}

const root = fileURLToPath(new URL('../', import.meta.url))
const read = async (path: string) => JSON.parse(await readFile(join(root, path), 'utf8'))

const bytesOf = async (folder: string): Promise<number> => {
  const entries = await readdir(folder, { withFileTypes: true })
  const sizes = entries
    // A nested package is counted by itself.
    .filter(({ name }) => name !== 'node_modules')
    .map(async (entry) => {
      const path = join(folder, entry.name)
      return entry.isDirectory() ? bytesOf(path) : entry.isFile() ? (await stat(path)).size : 0
    })
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

const { packages } = (await read('package-lock.json')) as { packages: Record<string, Locked> }
const installed = Object.entries(packages).filter(
  ([path, { dev, devOptional, optional, link }]) =>
    path.startsWith('node_modules/') && !dev && !devOptional && !optional && !link,
)
/** Of a range such as `^20.19.0 || >=22`. */
const lowestMajor = (range: string): number =>
  Math.min(...range.split('||').map((part) => Number(/\d+/.exec(part)?.[0] ?? 0)))
const own = lowestMajor((await read('package.json')).engines.node)
const tooNew = installed.filter(([, { engines }]) => lowestMajor(engines?.node ?? '0') > own)
const sizes = await Promise.all(installed.map(([path]) => bytesOf(join(root, path))))
const megabytes = sizes.reduce((sum, size) => sum + size, 0) / 1_000_000

console.log(
  `An install brings ${installed.length} packages of ${MAX_PACKAGES} at most, and ${megabytes.toFixed(1)} MB of ${MAX_MEGABYTES} at most, besides the embedded PostgreSQL.`,
)
if (tooNew.length > 0)
  console.error(`These want a newer Node than ${own}: ${tooNew.map(([path]) => path).join(', ')}`)
if (installed.length > MAX_PACKAGES || megabytes > MAX_MEGABYTES || tooNew.length > 0) process.exitCode = 1
