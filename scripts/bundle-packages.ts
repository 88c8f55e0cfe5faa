/**
 * Puts packages into the built program that are no dependencies of ours, with all that they need and is none either.
 *
 * fastify: a package of it (cookie, of light-my-request) wants Node 22, though the version before does for both; `overrides`
 * hold in the clone only, and yarn 1, which heeds nothing but ranges, would refuse to install Colloquy on Node 20.
 *
 * OpenTelemetry's SDK: few send traces, and all would install its thirteen packages.
 */
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, build } from 'esbuild'

const root = new URL('../', import.meta.url)
const { dependencies } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'))

/** Bundles what this imports, and writes the packages' licenses beside it: they ask to be passed on with the code. */
const bundle = async (outfile: string, entry: BuildOptions): Promise<void> => {
  const { metafile } = await build({
    ...entry,
    absWorkingDir: fileURLToPath(root),
    outfile,
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
  const packages = Object.keys(metafile.inputs).flatMap(
    (path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+\//.exec(path) ?? [],
  )
  // Each text once, after the packages that have it.
  const namesByText = new Map<string, string[]>()
  for (const folder of new Set(packages)) {
    const names = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license', 'license.md']
    const file = names.map((name) => new URL(folder + name, root)).find(existsSync)
    const { name, version, license } = JSON.parse(
      await readFile(new URL(`${folder}package.json`, root), 'utf8'),
    )
    const text = file ? await readFile(file, 'utf8') : ''
    namesByText.set(text, [...(namesByText.get(text) ?? []), `${name} ${version} (${license})`])
  }
  const licenses = [...namesByText].map(([text, names]) => `${names.join('\n')}\n\n${text}`)
  const path = outfile.replace(/\.js$/, '.LICENSES.txt')
  await writeFile(new URL(path, root), licenses.join('\n---\n\n'))
}

await bundle('dist/src/fastify.js', {
  stdin: { contents: `export { default, LogController } from 'fastify'`, resolveDir: fileURLToPath(root) },
})
const importer = new URL('dist/src/app.js', root)
const before = await readFile(importer, 'utf8')
const after = before.replace(/(?<=^import .+ from )'fastify'/m, `'./fastify.js'`)
if (after === before) throw new Error('dist/src/app.js no longer imports fastify.')
await writeFile(importer, after)

// Its packages' ES modules, of which most is left out.
await bundle('dist/src/tracing/sdk.js', {
  entryPoints: ['src/tracing/sdk.ts'],
  mainFields: ['module', 'main'],
})
