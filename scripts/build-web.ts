/**
 * Builds the chat page from src/web into a folder, dist/web by default: a page that loads nothing but its own files, which
 * have a hash in their names. Prints what a browser loads of it, compressed, and fails when that is too much.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { slimMarked } from './slim-marked.js'

export const LIMIT = 60_000

const root = fileURLToPath(new URL('../', import.meta.url))
const source = join(root, 'src/web')

const bundle = (folder: string) =>
  build({
    absWorkingDir: root,
    entryPoints: { main: join(source, 'main.tsx'), style: join(source, 'styles/index.css') },
    outdir: join(folder, 'page'),
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    // Fewer bytes than what TypeScript checks it by.
    jsx: 'transform',
    jsxFactory: 'h',
    jsxFragment: 'Fragment',
    inject: [join(source, 'jsx.ts')],
    tsconfigRaw: {},
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    legalComments: 'none',
    metafile: true,
    plugins: [slimMarked],
    write: false,
    logLevel: 'error',
  })

/** Builds the page, and returns the compressed bytes of its files by their paths. */
export const buildWeb = async (folder: string): Promise<Map<string, number>> => {
  const { outputFiles, metafile } = await bundle(folder)
  const pathOf = (path: string) => relative(folder, path).replaceAll('\\', '/')
  const files = new Map(outputFiles.map(({ path, contents }) => [pathOf(path), contents]))
  const built = (entry: string): string => {
    const [path = ''] =
      Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint?.endsWith(entry)) ?? []
    return pathOf(join(root, path))
  }
  const html = (await readFile(join(source, 'index.html'), 'utf8'))
    .replace('{style}', built('styles/index.css'))
    .replace('{script}', built('main.tsx'))
  files.set('index.html', Buffer.from(html))
  files.set('page/icon.svg', await readFile(join(source, 'icon.svg')))
  await rm(folder, { recursive: true, force: true })
  await mkdir(join(folder, 'page'), { recursive: true })
  await Promise.all([...files].map(([path, contents]) => writeFile(join(folder, path), contents)))
  return new Map([...files].map(([path, contents]) => [path, gzipSync(contents, { level: 9 }).length]))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const sizes = await buildWeb(join(root, 'dist/web'))
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0)
  console.log(`The chat page: ${bytes} bytes gzipped in ${sizes.size} files, of ${LIMIT} at most`)
  if (bytes > LIMIT) process.exitCode = 1
}
