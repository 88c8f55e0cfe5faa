import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { packageRoot } from '../../src/root.js'
import { run } from '../run.js'
import { type Generator, ownPackages } from './generators.js'

const root = fileURLToPath(packageRoot)
const source = join(root, 'scripts/generators')

/** A folder in which one generator's client is made, compiled and run. */
export interface ClientFolder {
  folder: string
  modules: string
  signal: AbortSignal
}

/** Makes the folder, with the contract and all that is not generated. */
export const fillFolder = async (
  { client, config = {} }: Generator,
  document: string,
  { folder, modules }: ClientFolder,
): Promise<void> => {
  await mkdir(join(folder, 'generated'), { recursive: true })
  await symlink(modules, join(folder, 'node_modules'))
  await writeFile(join(folder, 'openapi.json'), document)
  for (const [name, text] of Object.entries(config)) await writeFile(join(folder, name), text)
  await cp(join(source, 'clients', `${client}.ts`), join(folder, 'client.ts'))
  await cp(join(source, 'clients', 'main.ts'), join(folder, 'main.ts'))
  for (const file of ['scenario.ts', 'generated-client.ts']) await cp(join(source, file), join(folder, file))
}

export const generate = async (
  { commands }: Generator,
  { folder, modules, signal }: ClientFolder,
): Promise<void> => {
  for (const [program, ...args] of commands) {
    await run(process.execPath, [join(modules, '.bin', program), ...args], { cwd: folder, signal })
  }
}

/** Compiles the generated code, and our use of it, under the strictest rules that a project may have set. */
export const compile = async (
  generator: Generator,
  { folder, modules, signal }: ClientFolder,
): Promise<void> => {
  const own = Object.entries(ownPackages(generator, modules))
  const tsconfig = {
    compilerOptions: {
      target: 'es2023',
      lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
      module: 'esnext',
      moduleResolution: 'bundler',
      strict: true,
      noUncheckedIndexedAccess: true,
      // Types of packages only: what is generated has no .d.ts.
      skipLibCheck: true,
      noEmit: true,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
      paths: Object.fromEntries(own.map(([name, path]) => [name, [path]])),
    },
    files: ['main.ts'],
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  await run(process.execPath, [tsc, '--pretty', 'false', '-p', '.'], { cwd: folder, signal })
}

/** Builds the program that calls the operations, and gives its path. */
export const bundle = async (generator: Generator, { folder, modules }: ClientFolder): Promise<string> => {
  const outfile = join(folder, 'main.cjs')
  await build({
    absWorkingDir: folder,
    entryPoints: ['main.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'error',
    alias: ownPackages(generator, modules),
  })
  return outfile
}

/** The first line of what a tool has said that tells what is wrong. */
export const reasonOf = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error)
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return (lines.find((line) => /error/i.test(line) && !/ended with/.test(line)) ?? lines[0] ?? '').slice(
    0,
    400,
  )
}

export const readDocument = (path: string): Promise<string> => readFile(join(root, path), 'utf8')
