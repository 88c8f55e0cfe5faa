import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../../src/root.js'
import type { Scope } from './scope.js'

export interface Mutation {
  /** the files that are changed, by their path from the root */
  files: RegExp
  from: RegExp
  to: string
}

const root = fileURLToPath(packageRoot)
const parts = ['contracts', 'generated', 'package.json', 'sql', 'src', 'tsconfig.json']

/**
 * A copy of the program that breaks a promise on purpose, to prove that a test would notice. A mutation that
 * changes nothing is an error, since the code has moved away from it. `name` is the copy's folder in a temporary one;
 * `more` are folders and files that it has beside the program's own.
 */
export const mutant = async (
  t: Scope,
  mutations: Mutation[],
  name = 'copy',
  more: string[] = [],
): Promise<string> => {
  const parent = await mkdtemp(join(tmpdir(), 'colloquy-mutant-'))
  t.teardown(() => rm(parent, { recursive: true, force: true }))
  const folder = join(parent, name)
  await mkdir(folder)
  for (const part of [...parts, ...more]) await cp(join(root, part), join(folder, part), { recursive: true })
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  const paths = await readdir(folder, { recursive: true })
  for (const { files, from, to } of mutations) {
    let changes = 0
    for (const path of paths.filter((name) => files.test(name))) {
      const text = await readFile(join(folder, path), 'utf8')
      const changed = text.replaceAll(from, to)
      if (changed === text) continue
      changes += 1
      await writeFile(join(folder, path), changed)
    }
    if (changes === 0) throw new Error(`The mutation of ${from} in ${files} changes nothing.`)
  }
  return folder
}
