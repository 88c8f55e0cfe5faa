import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** What a copy of the program consists of, apart from node_modules. */
export const programParts = [
  ...['contracts', 'generated', 'scripts/deploy', 'sql', 'src', 'package.json', 'tsconfig.json'],
  // The guides that do not lie in a folder of these.
  ...['CHANGELOG.md', 'CONTRIBUTING.md', 'README.md', 'test/examples/next/README.md'],
]

/** The program that `npm test` has built. */
export const builtProgram = (): string => {
  const folder = process.env.COLLOQUY_TEST_PROGRAM
  if (!folder) throw new Error('There is no built program to test: run `npm test -- <file>`.')
  return folder
}

/** The built path of a source file: `src/main.ts` becomes `src/main.js`. */
export const builtPath = (path: string): string => path.replace(/\.ts$/, '.js')

/** Node's arguments for a source file of the program in `folder`, whether that program is bundled, built or neither. */
export const nodeArgs = (folder: string, path: string): string[] => {
  const built = [join('bundle', builtPath(path)), builtPath(path)].find((file) =>
    existsSync(join(folder, file)),
  )
  return built ? [built] : ['--import', 'tsx', path]
}
