/**
 * Runs within `npm version`, which has given the server its new version and is about to commit and to tag: the client, the contract and
 * the changelog follow, and the contract is kept as that of the last release.
 */
import { execFile } from 'node:child_process'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type ReleaseFiles, release, releasePaths } from './release-files.js'

const root = new URL('../', import.meta.url)
const read = (path: string): Promise<string> => readFile(new URL(path, root), 'utf8')
const run = (program: string, args: string[]) =>
  promisify(execFile)(program, args, { cwd: fileURLToPath(root) })

const { version } = JSON.parse(await read('package.json'))
const texts = await Promise.all(releasePaths.map(async (path) => [path, await read(path)]))
const today = new Date().toISOString().slice(0, 10)
const files = release(Object.fromEntries(texts) as ReleaseFiles, version, today)
for (const [path, text] of Object.entries(files)) await writeFile(new URL(path, root), text)
await run('npm', ['run', '--silent', 'generate'])
await copyFile(new URL('generated/openapi.json', root), new URL('contracts/released.json', root))
await run('git', ['add', ...releasePaths, 'generated', 'contracts'])
