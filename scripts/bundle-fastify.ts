/**
 * Puts fastify into the built program, with all that it needs and is no dependency of ours. A package of it (cookie, of
 * light-my-request) wants Node 22, though the version before does for both; `overrides` hold in the clone only, and yarn 1,
 * which heeds nothing but ranges, would refuse to install Colloquy on Node 20.
 */
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = new URL('../', import.meta.url)
const bundle = 'dist/src/fastify.js'
const importer = new URL('dist/src/app.js', root)
const { dependencies } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'))

const { metafile } = await build({
  absWorkingDir: fileURLToPath(root),
  stdin: { contents: `export { default, LogController } from 'fastify'`, resolveDir: fileURLToPath(root) },
  outfile: bundle,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: Object.keys(dependencies),
  // What is left in it of CommonJS.
  banner: {
    js: `import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)`,
  },
  legalComments: 'none',
  metafile: true,
  logLevel: 'error',
})

const before = await readFile(importer, 'utf8')
const after = before.replace(/(?<=^import .+ from )'fastify'/m, `'./fastify.js'`)
if (after === before) throw new Error('dist/src/app.js no longer imports fastify.')
await writeFile(importer, after)

/** The licenses ask to be passed on with the code. */
const packages = Object.keys(metafile.inputs).flatMap(
  (path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+\//.exec(path) ?? [],
)
const licenses = [...new Set(packages)].map(async (folder) => {
  const names = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license', 'license.md']
  const file = names.map((name) => new URL(folder + name, root)).find(existsSync)
  const { name, version, license } = JSON.parse(
    await readFile(new URL(`${folder}package.json`, root), 'utf8'),
  )
  return `${name} ${version} (${license})\n\n${file ? await readFile(file, 'utf8') : ''}`
})
await writeFile(
  new URL('dist/src/fastify.LICENSES.txt', root),
  (await Promise.all(licenses)).join('\n---\n\n'),
)
