import { cp, readdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, transform } from 'esbuild'
import { packageRoot } from '../../src/root.js'
import { programParts } from './program.js'

const root = fileURLToPath(packageRoot)

/** What the history checker starts beside the program. */
const testParts = ['test/history', 'test/helpers']

/** The paths from the root of all files in a folder, or of the one file. */
export const filesOf = async (part: string): Promise<string[]> => {
  if (part.includes('.')) return [part]
  const entries = await readdir(join(root, part), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
}

/** The JavaScript of one of the project's files. Types are not checked here: `npm run lint` does that. */
export const transpile = async (text: string): Promise<string> =>
  (await transform(text, { loader: 'ts', target: 'es2023' })).code

/**
 * Builds the program into an empty folder. Processes that the tests start then load JavaScript; reading TypeScript
 * takes a process of a second longer than everything else that it does.
 */
export const buildProgram = async (folder: string): Promise<void> => {
  const paths = (await Promise.all([...programParts, ...testParts].map(filesOf))).flat()
  await build({
    entryPoints: paths.filter((path) => path.endsWith('.ts')),
    absWorkingDir: root,
    outbase: root,
    outdir: folder,
    target: 'es2023',
    logLevel: 'error',
  })
  for (const path of paths.filter((path) => !path.endsWith('.ts'))) {
    await cp(join(root, path), join(folder, path))
  }
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
}
