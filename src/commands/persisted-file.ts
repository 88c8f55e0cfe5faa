import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Creates a file atomically, so that programs that start at the same time all read the same content. */
const create = async (file: string, text: string): Promise<void> => {
  const draft = `${file}.${randomUUID()}`
  await writeFile(draft, text, { mode: 0o600 })
  try {
    await link(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(draft)
  }
}

/** Reads a file that only its owner may read; creates it, and its folder, when it does not exist. */
export const persistedFile = async (file: string, newText: () => string): Promise<string> => {
  const read = () => readFile(file, 'utf8')
  return read().catch(async (error) => {
    if (error.code !== 'ENOENT') throw error
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await create(file, newText())
    return read()
  })
}
