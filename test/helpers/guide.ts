import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Test } from 'tap'
import { packageRoot } from '../../src/root.js'
import { testPackages } from './build.js'

const root = fileURLToPath(packageRoot)

/** The code blocks of a document in one language, one after the other. */
export const codeBlocks = async (path: string, language: string): Promise<string[]> => {
  const text = await readFile(new URL(path, packageRoot), 'utf8')
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, code = '']) => code,
  )
}

/** A folder with these files, from which the project's packages can be imported. */
export const folderWith = async (t: Test, files: Record<string, string>): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'colloquy-guide-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await symlink(
    process.env.COLLOQUY_TEST_PACKAGES ?? join(root, 'node_modules'),
    join(folder, 'node_modules'),
  )
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)))
  return folder
}

const client = join(root, 'src/client/index.ts')

/** The compiler's options for those files: strict, and the client is the one of this project. */
export const tsconfig = {
  compilerOptions: {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: 'es2022',
    lib: ['es2023', 'dom', 'dom.iterable'],
    module: 'esnext',
    moduleResolution: 'bundler',
    jsx: 'react-jsx',
    typeRoots: [join(testPackages, '@types')],
    types: ['node'],
    paths: { '@colloquy/client': [client] },
  },
}

/** Builds one of the files, with the others that it imports; gives the path of the module. */
export const bundleOf = async (folder: string, name: string, alias: Record<string, string> = {}) => {
  const outfile = join(folder, `${name}.mjs`)
  await build({
    absWorkingDir: folder,
    entryPoints: [name],
    outfile,
    bundle: true,
    packages: 'external',
    alias: { '@colloquy/client': client, ...alias },
    format: 'esm',
    platform: 'node',
    jsx: 'automatic',
    logLevel: 'error',
  })
  return outfile
}
