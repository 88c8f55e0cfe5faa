/**
 * Builds the package `@colloquy/client` from src/client: one module without dependencies, and its types. Prints what an app pays for
 * it, minified and compressed, and fails when that is too much.
 */
import { execFile } from 'node:child_process'
import { cp, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const LIMIT = 10_240

const root = fileURLToPath(new URL('../', import.meta.url))
const out = 'src/client/dist'

const bundle = (minify: boolean) =>
  build({
    absWorkingDir: root,
    entryPoints: ['src/client/index.ts'],
    outfile: `${out}/index.js`,
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: 'es2022',
    minify,
    legalComments: 'none',
    write: !minify,
    logLevel: 'error',
  })

await rm(`${root}${out}`, { recursive: true, force: true })
await promisify(execFile)('node_modules/.bin/tsc', ['-p', 'src/client/tsconfig.json'], { cwd: root }).catch(
  ({ stdout }) => {
    throw new Error(stdout)
  },
)
await bundle(false)
await cp(`${root}LICENSE`, `${root}${out}/LICENSE`)
const { outputFiles = [] } = await bundle(true)
const [minified] = outputFiles
const bytes = gzipSync(minified?.contents ?? '').length
console.log(`@colloquy/client: ${bytes} bytes gzipped, of ${LIMIT} at most`)
if (bytes > LIMIT) process.exitCode = 1
