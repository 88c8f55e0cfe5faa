import { cp, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../../src/root.js'

const root = fileURLToPath(packageRoot)

const parts = [
  'generated',
  'scripts/build-client.ts',
  'src/client',
  'LICENSE',
  'package.json',
  'tsconfig.json',
]

/** Copies what it takes to build `@colloquy/client`, since others read this clone's build meanwhile; gives the package's folder. */
export const copyClient = async (folder: string): Promise<string> => {
  for (const part of parts) await cp(join(root, part), join(folder, part), { recursive: true })
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  return join(folder, 'src/client')
}
