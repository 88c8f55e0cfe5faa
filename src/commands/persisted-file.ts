import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Whole before it gets its name, so that of several programs that start at once all read the same one. */
const make = async (file: string, text: string): Promise<void> => {
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

/** The text of a file that only its owner reads; made, with its folder, when it is not there. */
export const keptFile = async (file: string, newText: () => string): Promise<string> => {
  const read = () => readFile(file, 'utf8')
  return read().catch(async (error) => {
    if (error.code !== 'ENOENT') throw error
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await make(file, newText())
    return read()
  })
}
