import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../../src/root.js'
import { filesOf, transpile } from './build.js'
import { builtPath, builtProgram, programParts } from './program.js'
import type { Scope } from './scope.js'

export interface Mutation {
  /** the source files that are changed, by their path from the root */
  files: RegExp
  from: RegExp
  to: string
}

const root = fileURLToPath(packageRoot)

const copy = async (t: Scope, from: string, parts: string[], name: string): Promise<string> => {
  const parent = await mkdtemp(join(tmpdir(), 'colloquy-mutant-'))
  t.teardown(() => rm(parent, { recursive: true, force: true }))
  const folder = join(parent, name)
  await mkdir(folder)
  for (const part of parts) await cp(join(from, part), join(folder, part), { recursive: true })
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

/** A copy of the program's source, in a folder of this name. */
export const sourceCopy = (t: Scope, name: string): Promise<string> => copy(t, root, programParts, name)

/** What becomes of the source files that are changed, by their path. Throws when a mutation changes nothing, since the code has moved away. */
export const changesOf = async (mutations: Mutation[]): Promise<Map<string, string>> => {
  const paths = (await Promise.all(programParts.map(filesOf))).flat()
  const changed = new Map<string, string>()
  for (const { files, from, to } of mutations) {
    let changes = 0
    for (const path of paths.filter((path) => files.test(path))) {
      const before = changed.get(path) ?? (await readFile(join(root, path), 'utf8'))
      const after = before.replaceAll(from, to)
      if (after === before) continue
      changes += 1
      changed.set(path, after)
    }
    if (changes === 0) throw new Error(`The mutation of ${from} in ${files} changes nothing.`)
  }
  return changed
}

/** Changes the built program in `folder` by changing its source; gives the files that were changed. */
const mutate = async (folder: string, mutations: Mutation[]): Promise<string[]> => {
  const changed = await changesOf(mutations)
  for (const [path, text] of changed) {
    await writeFile(join(folder, builtPath(path)), path.endsWith('.ts') ? await transpile(text) : text)
  }
  return [...changed.keys()]
}

/**
 * A copy of the built program that breaks a promise on purpose, to prove that a test would notice. `name` is the copy's folder in a temporary one;
 * `more` are parts of the built program that it has beside the program's own.
 */
export const mutant = async (
  t: Scope,
  mutations: Mutation[],
  name = 'copy',
  more: string[] = [],
): Promise<string> => {
  const folder = await copy(t, builtProgram(), [...programParts, ...more], name)
  const changed = mutations.length > 0 ? await mutate(folder, mutations) : []
  // A process starts from the bundle in a third of the time; it has the program's code in it, but not its SQL.
  if (!changed.some((path) => path.endsWith('.ts'))) {
    await cp(join(builtProgram(), 'bundle'), join(folder, 'bundle'), { recursive: true })
  }
  return folder
}
